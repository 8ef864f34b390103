"""The promises of ``Embedder``, kept by the endpoint's client and by the offline model."""

from collections.abc import AsyncIterator

import numpy
import pytest

from bots.simulator.embeddings import KEY, MODEL, EmbeddingSimulator
from core.embeddings import EmbeddingEndpoint, OfflineEncoder
from core.kimi import AsyncKimi
from core.ports.embedder import Embedder

TEXTS = [
    "How do I get my money back?",
    "When does the shop open?",
    "怎么退款？",
    "几点开门？",
    "x",
    "Parcels reach Japan in ten days. " * 200,
]


@pytest.fixture(params=["endpoint", "offline"])
async def embedder(request: pytest.FixtureRequest) -> AsyncIterator[Embedder]:
    """Each adapter."""
    if request.param == "offline":
        encoder = OfflineEncoder()
        yield encoder
        await encoder.close()
        return
    async with EmbeddingSimulator() as simulator:
        endpoint = EmbeddingEndpoint(AsyncKimi(api_key=KEY, base_url=simulator.base_url), MODEL)
        yield endpoint
        await endpoint.close()


async def test_each_text_gets_one_vector_of_length_one_in_order(embedder: Embedder) -> None:
    """We chose vectors of length 1, so that a product is a cosine; the order is that of the texts."""
    matrix = await embedder.embed(TEXTS)
    assert matrix.dtype == numpy.float32
    assert matrix.shape[0] == len(TEXTS)
    assert numpy.allclose(numpy.linalg.norm(matrix, axis=1), 1.0, atol=1e-4)
    for at, text in enumerate(TEXTS):
        (alone,) = await embedder.embed([text], is_question=True)
        assert float(alone @ matrix[at]) > 0.999


async def test_no_texts_get_no_vectors(embedder: Embedder) -> None:
    """An empty document costs no request."""
    assert len(await embedder.embed([])) == 0


async def test_a_model_has_a_name(embedder: Embedder) -> None:
    """Vectors are stored with it: it tells one model from another."""
    assert embedder.model
