"""The job that gives stored passages their vectors."""

from collections.abc import Sequence

import pytest
from structlog.testing import capture_logs

from core.domain.clock import FakeClock
from core.knowledge import embedding
from core.knowledge.embedding import EmbeddingProgress, PassageEmbedder
from core.knowledge.indexing import index_document
from core.ports.embedder import EmbeddingFailed
from core.store import Database, knowledge, vectors
from core.store.knowledge import DEPLOYMENT
from core.testing.fake_embedder import FakeEmbedder

TEXT = "# Shop\n\n" + "\n\n".join(f"## Item {number}\n\nIt costs {number}." for number in range(5))


async def put(database: Database, text: str = TEXT, name: str = "shop.md") -> None:
    """Store a document."""
    await index_document(database, DEPLOYMENT, "shop", name=name, text=text, extension="md")


async def pending(database: Database, model: str = "fake") -> Sequence[tuple[str, int]]:
    """Return the documents that lack vectors, with the number that they have."""
    async with database.read() as tx:
        return [(one.name, one.embedded) for one in await vectors.load_pending(tx, model)]


async def test_every_text_gets_a_vector_once(database: Database) -> None:
    """A second round has nothing to do; a changed document is embedded anew, another stays."""
    await put(database)
    await put(database, name="other.md")
    job = PassageEmbedder(database, FakeEmbedder(), FakeClock())
    assert await job.embed_pending() == 20
    assert await pending(database) == []
    assert await job.embed_pending() == 0
    await put(database, TEXT + "\n\n## More\n\nNew.")
    assert await pending(database) == [("shop.md", 0)]
    assert await job.embed_pending() == 12


async def test_an_interrupted_job_goes_on_where_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was embedded before a crash or a failure is kept; progress is told piece by piece."""
    monkeypatch.setattr(embedding, "PIECE", 3)
    await put(database)
    told: list[EmbeddingProgress] = []
    first = FakeEmbedder()
    first.fails_after = 2
    with pytest.raises(EmbeddingFailed):
        await PassageEmbedder(database, first, FakeClock()).embed_pending(on_progress=told.append)
    assert await pending(database) == [("shop.md", 6)]
    async with database.read() as tx:
        (progress,) = (await vectors.load_progress(tx, 1)).values()
    assert (progress.model, progress.embedded, progress.total) == ("fake", 6, 10)
    second = FakeEmbedder()
    done = await PassageEmbedder(database, second, FakeClock()).embed_pending(on_progress=told.append)
    assert done == 4
    assert [one.embedded for one in told] == [3, 6, 9, 10]
    assert {one.total for one in told} == {10}
    assert not set(first.calls) & set(second.calls)


async def test_a_round_ends_in_time_and_the_next_one_goes_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's job works for less than a minute at once, so that another replica may take it over."""
    monkeypatch.setattr(embedding, "PIECE", 5)
    await put(database)
    clock = FakeClock()
    job = PassageEmbedder(database, FakeEmbedder(), clock)
    with capture_logs() as logs:
        assert await job.embed_pending(until=clock.time(), on_progress=None) == 0
    assert [(one["event"], one["embedded"], one["total"]) for one in logs] == [
        ("knowledge.embedding_goes_on", 0, 10)
    ]
    assert await job.embed_pending(until=clock.time() + 1) == 10


async def test_a_document_that_changes_meanwhile_is_left_to_the_next_round(database: Database) -> None:
    """Vectors of a version that is gone are never stored."""
    await put(database)

    class Slow(FakeEmbedder):
        async def embed(self, texts: Sequence[str], *, is_question: bool = False) -> object:
            await put(database, "# Shop\n\nClosed.")
            return await super().embed(texts, is_question=is_question)

    assert await PassageEmbedder(database, Slow(), FakeClock()).embed_pending() == 0
    assert await pending(database) == [("shop.md", 0)]


async def test_a_new_model_replaces_the_vectors_of_the_old_one(database: Database) -> None:
    """Vectors are stored with the model's name; the old ones serve until the new ones are complete."""
    await put(database)
    await PassageEmbedder(database, FakeEmbedder("old"), FakeClock()).embed_pending()
    assert await pending(database, "new") == [("shop.md", 0)]
    assert await pending(database, "old") == []
    await PassageEmbedder(database, FakeEmbedder("new"), FakeClock()).embed_pending()
    assert await pending(database, "new") == []
    assert await pending(database, "old") == [("shop.md", 0)]


async def test_removed_documents_and_sets_leave_no_vectors(database: Database) -> None:
    """Deleting is deleting, on both databases."""
    await put(database)
    await put(database, name="other.md")
    await PassageEmbedder(database, FakeEmbedder(), FakeClock()).embed_pending()
    async with database.begin() as tx:
        found = await knowledge.find_set(tx, DEPLOYMENT, "shop")
        assert found is not None
        documents = await knowledge.load_documents(tx, found.id)
        ids = [one.id for one in documents]
        assert await knowledge.remove_document(tx, found.id, "shop.md")
        assert len(await vectors.load_pieces(tx, ids, "fake")) == 1
        await knowledge.remove_set(tx, found.id)
        assert await vectors.load_pieces(tx, ids, "fake") == {}


async def test_a_failing_model_is_told_once(database: Database) -> None:
    """An outage of hours is one warning; what comes after it is the next one."""
    await put(database)
    embedder = FakeEmbedder()
    job = PassageEmbedder(database, embedder, FakeClock())
    with capture_logs() as lines:
        embedder.is_down = True
        await job.run_round()
        await job.run_round()
        embedder.is_down = False
        await job.run_round()
    assert [line["event"] for line in lines] == ["knowledge.embedding_failed", "knowledge.embedded"]
