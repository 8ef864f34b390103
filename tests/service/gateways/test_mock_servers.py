"""The service in front of two mock servers of OpenAI's API, by two other authors.

llmock breaks its answers on demand and judges how a client took it; fakellm answers by rules, has no list of
models, and counts no tokens in a stream.
"""

import asyncio
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest

from core.domain.errors import SettingsError
from tests.service.gateways.conftest import Gateway, free_port, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_time,  # processes of other programs
    pytest.mark.timeout(400),
]

MODEL = "gpt-4o"  #: llmock lists models of OpenAI's
ANSWER = "Hello! This is a mock response from gpt-4o."
RULES = """
version: 1
rules:
  - name: result
    when: {tool_result_contains: "7"}
    respond: {content: "Seven cups are in stock."}
  - name: cups
    when: {messages_contain: "cups"}
    respond: {tool_calls: [{name: stock, arguments: {article: cup}}]}
  - name: hello
    when: {messages_contain: "hello"}
    respond: {content: "Hi there, says fakellm."}
"""


@pytest.fixture(scope="module")
def llmock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The mock that breaks on demand; the model calls a tool if one is offered."""
    folder, port = tmp_path_factory.mktemp("llmock"), free_port()
    url = f"http://127.0.0.1:{port}"
    arguments = ("llmock", "serve", "--host", "127.0.0.1", "--port", str(port), "--response-style", "hello")
    with served(arguments, folder=folder, ready_url=f"{url}/v1/models"):
        yield Gateway(base_url=f"{url}/v1", key="sk-any")


@pytest.fixture(scope="module")
def fakellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The mock that answers by rules."""
    folder, port = tmp_path_factory.mktemp("fakellm"), free_port()
    (folder / "fakellm.yaml").write_text(RULES, encoding="utf-8")
    url = f"http://127.0.0.1:{port}"
    arguments = ("fakellm", "serve", "--host", "127.0.0.1", "--port", str(port))
    with served(arguments, folder=folder, ready_url=f"{url}/_fakellm/stats"):
        yield Gateway(base_url=f"{url}/v1", key="sk-any")


async def call(gateway: Gateway, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """Call llmock's own interface."""
    url = gateway.base_url.removesuffix("/v1") + f"/_llmock/{path}"
    content = None if body is None else orjson.dumps(body)
    request = urllib.request.Request(url, data=content, method=method)  # noqa: S310 - an address of ours

    def fetch() -> Any:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - as above
            return orjson.loads(response.read())

    return await asyncio.to_thread(fetch)


async def ask(world: Any, llmock: Gateway, behaviors: list[dict[str, Any]]) -> Any:
    """Ask a question that llmock answers with these behaviours; return the room."""
    await llmock.front(world)
    await call(llmock, "POST", "reset")
    chat = {"path": "*/chat/completions"}  # or the list of models would take the first one
    if behaviors:
        ordered = [one | {"match": chat} for one in behaviors]
        await call(llmock, "POST", "scenario", {"behaviors": ordered})
    await world.start(kimi_model=MODEL)
    room = world.direct()
    await room.ask("Hello?")
    return room


@pytest.mark.parametrize(
    ("behaviors", "text", "outcome"),
    [
        ([], ANSWER, "complete"),
        ([{"type": "fail", "status": 429, "retry_after": 1}], ANSWER, "complete"),
        ([{"type": "fail", "status": 503}, {"type": "fail", "status": 500}], ANSWER, "complete"),
        ([{"type": "fail", "status": 402}], "has run out of credit", "failed:quota_exhausted"),
        ([{"type": "fail", "status": 401}], "the access key isn't valid", "failed:authentication"),
        (
            [{"type": "reply", "text": "Half of", "finish_reason": "content_filter"}],
            "Kimi's content filter cut the answer off here.",
            "failed:content_filtered",
        ),
    ],
)
@pytest.mark.parametrize("platform", ["telegram"])
async def test_llmock_finds_nothing_wrong_with_the_client(
    world: Any, llmock: Gateway, behaviors: list[dict[str, Any]], text: str, outcome: str
) -> None:
    """Waits are kept, what no retry can mend is not retried."""
    room = await ask(world, llmock, behaviors)
    await room.shows(text)
    assert await world.done(1) == [outcome]
    assert (await call(llmock, "GET", "verdict"))["findings"] == []
    world.assert_calm()


@pytest.mark.parametrize("kind", ["truncate", "disconnect", "malformed"])
@pytest.mark.parametrize("platform", ["slack"])
async def test_a_stream_that_llmock_breaks_is_a_whole_answer_once(
    world: Any, llmock: Gateway, kind: str
) -> None:
    """A host that knows no ``partial`` begins anew: what stands already is not shown twice."""
    room = await ask(world, llmock, [{"type": "stream_fault", "kind": kind, "after_chunks": 3}])
    await room.shows(ANSWER, exactly=True)
    assert await world.done(1) == ["complete"]
    world.assert_calm()


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_model_that_a_mock_does_not_list_ends_the_start(world: Any, llmock: Gateway) -> None:
    """The default model is not there: the start names those that are."""
    await llmock.front(world)
    with pytest.raises(SettingsError, match=r"KIMI_MODEL: unknown model 'kimi-k2.6'.*available: .*gpt-4o"):
        await world.start()


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_tool_is_called_by_llmock(world: Any, llmock: Gateway) -> None:
    """A whole round: the call in the stream, the tool, and the answer behind its result."""
    await llmock.front(world)
    await call(llmock, "POST", "reset")
    await world.start(kimi_model=MODEL, tools=["tests.service.gateways.stock_tool:stock"])
    room = world.direct()
    await room.ask("How many?")
    assert await world.done(1) == ["complete"]
    requests = (await call(llmock, "GET", "requests"))["requests"]
    assert len([one for one in requests if one["path"].endswith("/chat/completions")]) == 2
    world.assert_calm()


@pytest.mark.parametrize("platform", ["telegram"])
async def test_fakellm_answers_and_calls_a_tool(world: Any, fakellm: Gateway) -> None:
    """A server without a list of models and without usage in its streams is served all the same."""
    await fakellm.front(world)
    await world.start(tools=["tests.service.gateways.stock_tool:stock"])
    room = world.direct()
    await room.ask("hello")
    await room.shows("Hi there, says fakellm.", exactly=True)
    await room.ask("How many cups?")
    await room.shows("Seven cups are in stock.", exactly=True)
    await room.order("model")
    await room.shows("The provider does not list its models")
    assert (await world.done(3))[:2] == ["complete", "complete"]
    world.assert_calm()
