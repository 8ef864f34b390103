"""The service behind a LiteLLM proxy, as its package has it, in front of the scripted Kimi.

LiteLLM refuses ``thinking`` (UnsupportedParamsError), knows only the models of its configuration, rewrites
errors in its own words, and ends a few broken streams of the host as if they were whole, which nobody behind
it can notice.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from bots.simulator.kimi import ScriptedCall, ScriptedReply, answer_with, in_turn, load_scenarios
from core.kimi import AsyncKimi, ChatRequest, Finished, Message, ReplyEvent, TextDelta, ToolCall
from tests.service.gateways.conftest import Gateway, free_port, served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_time,  # a process of another program
    pytest.mark.timeout(400),
]

SCENARIOS = load_scenarios()
KEY = "sk-litellm"

#: Names at the proxy and the models behind them: LiteLLM has code of its own for Moonshot.
MODELS = {
    "kimi-k2.6": "moonshot/kimi-k2.6",
    "kimi-k3": "openai/kimi-k3",
    "kimi-gone": "openai/kimi-k9",
}
TOOL = {
    "type": "function",
    "function": {
        "name": "stock",
        "description": "Return how many pieces are in stock.",
        "parameters": {"type": "object", "properties": {"article": {"type": "string"}}},
    },
}


@pytest.fixture(scope="module")
def litellm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The proxy with Moonshot's own route and the one for anything compatible."""
    folder, kimi, port = tmp_path_factory.mktemp("litellm"), free_port(), free_port()
    behind = {"api_base": f"http://127.0.0.1:{kimi}/v1", "api_key": "sk-test"}
    config = {
        "model_list": [
            {"model_name": name, "litellm_params": {"model": model, **behind}}
            for name, model in MODELS.items()
        ],
        "general_settings": {"master_key": KEY},
        # After a failure of its host LiteLLM would refuse the next test's question.
        "router_settings": {"disable_cooldowns": True, "num_retries": 0},
    }
    (folder / "config.yaml").write_bytes(orjson.dumps(config))  # JSON is YAML
    arguments = ("litellm", "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    with served(
        arguments,
        folder=folder,
        ready_url=f"{url}/health/liveliness",
        LITELLM_LOCAL_MODEL_COST_MAP="True",  # or it asks the network for prices
        LITELLM_TELEMETRY="False",
    ):
        yield Gateway(base_url=f"{url}/v1", key=KEY, kimi_port=kimi)


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_conversation_through_litellm(world: Any, litellm: Gateway) -> None:
    """Answers grow, their tokens are counted; what LiteLLM refuses is not offered after its first refusal."""
    await litellm.front(world)
    world.kimi.script = answer_with("A plain answer.")
    await world.start()
    room = world.direct()
    await room.ask("Hello?")
    await room.shows("A plain answer.", exactly=True)
    await world.done(1)
    (used,) = await world.rows("SELECT prompt_tokens, completion_tokens FROM usage")
    assert used.prompt_tokens > 0
    assert used.completion_tokens > 0

    await room.order("think on")
    await world.done(2)
    await room.ask("And tea?")
    await world.done(3)
    await room.order("think")
    shown = await room.shows("Its thinking cannot be steered.")
    assert not shown.buttons
    await room.order("search on")
    await room.shows("offers no web search")
    await room.ask("And now?")
    outcomes = await world.done(6)
    assert [outcome for outcome in outcomes if outcome != "notice"] == ["complete"] * 3
    assert len(world.requests) == 3
    assert not any("thinking" in request.body or "tools" in request.body for request in world.requests)
    world.assert_calm()


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_model_that_litellm_does_not_know_is_told_as_such(world: Any, litellm: Gateway) -> None:
    """Neither the person's words nor the address are blamed: the model is not there, here or behind it."""
    await litellm.front(world)
    await world.start(kimi_model="kimi-gone")
    room = world.direct()
    await room.order("model kimi-k9")
    await room.shows("There is no `kimi-k9` here.")
    await room.ask("Hello?")
    await room.shows("That model isn't available.")
    assert (await world.done(2))[-1] == "failed:model_unknown"
    world.assert_calm()


@pytest.mark.parametrize(
    ("name", "text", "calls"),
    [
        ("nul-in-words", "Beforeafter and the rest.", 1),
        ("no-done", "A whole answer.", 1),
        ("overload-in-stream", "one two three four five", 2),
        ("restart-after-cut", "The quick brown fox jumps over the lazy dog.", 2),
        ("overlap-after-length", "第一步完成。第二步是煮水。", 2),
        ("thinks-only", "Here is the answer.", 2),
        ("think-tags", "Hello, friend!", 1),
        ("end-token", "A whole answer.", 1),
        ("tool-markers", "I'll look it up.", 1),
        ("refuses-prompt-cache-key", "A plain answer.", 2),
        ("refuses-max-completion-tokens", "A plain answer.", 1),
    ],
)
@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_hosts_habits_behind_litellm_are_understood(
    world: Any, litellm: Gateway, name: str, text: str, calls: int
) -> None:
    """Errors in the stream, cuts and markers reach the service in LiteLLM's words; the answer is whole."""
    await litellm.front(world)
    world.kimi.script, world.kimi.host = SCENARIOS[name].script(), SCENARIOS[name].host
    await world.start()
    room = world.direct()
    await room.ask("Hello?")
    await room.shows(text, exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(world.requests) == calls
    assert len(room.answers) == 1
    world.assert_calm()


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("filtered-half", "Kimi's content filter cut the answer off here.", "failed:content_filtered"),
        ("filtered-empty", "Kimi can't answer this one.", "failed:content_filtered"),
        ("high-risk-history", "Kimi can't answer this one.", "failed:content_filtered"),
        ("thinking-took-all", "Kimi used all its room for thinking", "empty"),
    ],
)
@pytest.mark.parametrize("platform", ["slack"])
async def test_other_ends_behind_litellm_are_told(
    world: Any, litellm: Gateway, name: str, text: str, outcome: str
) -> None:
    """Finish reasons and refusals keep their meaning on the way."""
    await litellm.front(world)
    world.kimi.script, world.kimi.host = SCENARIOS[name].script(), SCENARIOS[name].host
    await world.start()
    room = world.direct()
    await room.ask("Something [risky]?")
    await room.shows(text)
    assert await world.done(1) == [outcome]
    world.assert_calm()


@pytest.mark.parametrize("platform", ["telegram"])
@pytest.mark.parametrize("model", ["kimi-k2.6", "kimi-k3"])
async def test_tools_stream_through_litellm(world: Any, litellm: Gateway, model: str) -> None:
    """A call arrives whole with its id, and its result goes back with the thinking that led to it."""
    await litellm.front(world)
    call = ScriptedCall(name="stock", arguments='{"article": "tea cup"}')
    world.kimi.script = in_turn(
        ScriptedReply("", reasoning="I look.", tool_calls=(call,)), ScriptedReply("Seven.")
    )
    async with AsyncKimi(api_key=KEY, base_url=litellm.base_url) as kimi:
        question = Message(role="user", content="How many tea cups?")
        first = await _events(kimi, model, question)
        (made,) = [event for event in first if isinstance(event, ToolCall)]
        asked = Message(role="assistant", content="", reasoning="I look.", tool_calls=(made,))
        result = Message(role="tool", content="7", tool_call_id=made.id)
        second = await _events(kimi, model, question, asked, result)

    assert (made.name, orjson.loads(made.arguments)) == ("stock", {"article": "tea cup"})
    assert isinstance(first[-1], Finished)
    assert first[-1].reason == "tool_calls"
    assert "".join(event.text for event in second if isinstance(event, TextDelta)) == "Seven."
    assert world.requests[-1].messages[1]["reasoning_content"] == "I look."


async def _events(kimi: AsyncKimi, model: str, *messages: Message) -> list[ReplyEvent]:
    request = ChatRequest(messages=messages, model=model, max_completion_tokens=500, tools=(TOOL,))
    async with contextlib.aclosing(kimi.stream(request)) as events:
        return [event async for event in events]
