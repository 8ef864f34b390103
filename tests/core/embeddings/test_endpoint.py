"""The client of an embeddings endpoint, against a strict stand-in."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.responses import Response

from bots.simulator.embeddings import KEY, MODEL, EmbeddingSimulator
from core.domain.clock import Clock
from core.embeddings import EmbeddingEndpoint
from core.kimi import AsyncKimi
from core.ports.embedder import EmbeddingFailed

pytestmark = pytest.mark.virtual_time


def endpoint_of(simulator: EmbeddingSimulator, clock: Clock, *, key: str = KEY, model: str = MODEL) -> Any:
    """Return a client of a stand-in that needs no port."""
    transport = httpx.ASGITransport(simulator.app)
    client = AsyncKimi(api_key=key, base_url="http://host.example/v1", transport=transport, clock=clock)
    return EmbeddingEndpoint(client, model)


@pytest.fixture
def simulator() -> EmbeddingSimulator:
    """A stand-in that takes ten texts at once, as DashScope does."""
    return EmbeddingSimulator()


@pytest.fixture
async def endpoint(simulator: EmbeddingSimulator, loop_clock: Clock) -> AsyncIterator[EmbeddingEndpoint]:
    """A client of it."""
    made = endpoint_of(simulator, loop_clock)
    yield made
    await made.close()


async def test_a_batch_that_is_refused_is_halved_once_and_for_all(
    simulator: EmbeddingSimulator, endpoint: EmbeddingEndpoint
) -> None:
    """DashScope takes ten texts, OpenAI 2,048: the size that passes is learnt from refusals."""
    texts = [f"text number {number}" for number in range(70)]
    matrix = await endpoint.embed(texts)
    await endpoint.embed(texts)
    assert len(matrix) == 70
    assert [text for request in simulator.requests[:9] for text in request] == texts
    assert {len(request) for request in simulator.requests} <= {8, 6}


async def test_a_text_that_is_too_long_is_shortened(
    simulator: EmbeddingSimulator, endpoint: EmbeddingEndpoint
) -> None:
    """A model that reads less than a passage gets its beginning."""
    simulator.max_text_chars = 600
    await endpoint.embed(["word " * 700])
    assert len(simulator.requests[0][0]) <= 600


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_failure_that_may_pass_is_tried_again(
    simulator: EmbeddingSimulator, endpoint: EmbeddingEndpoint, status: int
) -> None:
    """Documents are embedded in the background: it waits for a busy host."""
    simulator.refuse_next = [Response(b'{"error":{"message":"busy"}}', status_code=status)] * 2
    assert len(await endpoint.embed(["a", "b"])) == 2


async def test_a_question_is_not_tried_again(
    simulator: EmbeddingSimulator, endpoint: EmbeddingEndpoint, loop_clock: Clock
) -> None:
    """A person waits for it: words alone answer at once."""
    simulator.is_down = True
    started = loop_clock.time()
    with pytest.raises(EmbeddingFailed):
        await endpoint.embed(["a"], is_question=True)
    assert loop_clock.time() == started


@pytest.mark.parametrize(("key", "model"), [("sk-wrong", MODEL), (KEY, "text-embedding-v9")])
async def test_a_wrong_key_or_model_is_named(
    simulator: EmbeddingSimulator, loop_clock: Clock, key: str, model: str
) -> None:
    """The error says what the host said, and not the key."""
    endpoint = endpoint_of(simulator, loop_clock, key=key, model=model)
    with pytest.raises(EmbeddingFailed) as failed:
        await endpoint.embed(["a"])
    assert "sk-wrong" not in str(failed.value)
    await endpoint.close()


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"not JSON",
        b'{"data":[]}',
        b'{"data":[{"index":0,"embedding":[]}]}',
        b'{"data":[{"index":0,"embedding":["x"]}]}',
        b'{"data":[{"index":0,"embedding":null}]}',
        b'{"data":[{"index":0,"embedding":[0.0,0.0]}]}',
        b'{"data":[{"index":1,"embedding":[1.0]}]}',
        b'{"data":"no"}',
        b'{"data":[{"index":[],"embedding":[1.0]}]}',
        b'{"data":[{"index":0,"embedding":[1' + b"0" * 400 + b"]}]}",
        b'{"data":[{"index":0,"embedding":[[1.0]]}]}',
        b'{"data":[{"index":0,"embedding":' + b"[" * 200 + b"]" * 200 + b"}]}",
        b'{"data":[{"index":0,"embedding":[' + b"1," * 20_000 + b"1]}]}",
    ],
)
async def test_an_answer_without_vectors_is_a_failure(
    simulator: EmbeddingSimulator, endpoint: EmbeddingEndpoint, body: bytes
) -> None:
    """Whatever a host sends in their place, nothing else than the port's error comes out."""
    simulator.refuse_next = [Response(body, media_type="application/json")] * 9
    with pytest.raises(EmbeddingFailed):
        await endpoint.embed(["a"])
