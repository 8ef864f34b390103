"""Searches by meaning: fused with the words, and words alone while there are no vectors."""

import pytest
from structlog.testing import capture_logs

from core.domain.clock import FakeClock
from core.knowledge.embedding import PassageEmbedder
from core.knowledge.finder import DEFAULT_FLOOR, DEFAULT_VECTOR_FLOOR, PassageFinder
from core.knowledge.indexing import index_document
from core.knowledge.vector_search import PAUSE_S, VectorSearch
from core.store import Database, knowledge
from core.store.knowledge import DEPLOYMENT
from core.testing.fake_embedder import FakeEmbedder

TEXT = """# Shop

## Opening hours

We open at ten.

## Refunds

Money comes within a week.
<!-- also: reimbursement please
I feel cheated -->

## Delivery

Parcels take ten days.
"""
SYNONYMS = {"erstattung": "refunds", "betrogen": "cheated", "lieferung": "delivery"}


@pytest.fixture
def embedder() -> FakeEmbedder:
    """A model that knows some German."""
    return FakeEmbedder(synonyms=SYNONYMS)


async def put(
    database: Database, embedder: FakeEmbedder | None, *, text: str = TEXT, name: str = "a.md"
) -> int:
    """Store a document with its vectors; return the id of its set."""
    await index_document(database, DEPLOYMENT, "shop", name=name, text=text, extension="md")
    if embedder is not None:
        await PassageEmbedder(database, embedder, FakeClock()).embed_pending()
    async with database.read() as tx:
        (set_id,) = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
    return set_id


def finder_of(database: Database, embedder: FakeEmbedder, clock: FakeClock | None = None) -> PassageFinder:
    """Return a finder that compares meanings."""
    return PassageFinder(database, VectorSearch(database, embedder, clock or FakeClock()))


async def test_a_question_without_a_word_in_common_finds_what_it_means(
    database: Database, embedder: FakeEmbedder
) -> None:
    """Words alone find nothing; the nearest text of a passage does, also one of its other wordings."""
    set_id = await put(database, embedder)
    finder = finder_of(database, embedder)
    for question, heading in (
        ("Erstattung?", "Refunds"),
        ("betrogen", "Refunds"),
        ("Lieferung?", "Delivery"),
    ):
        assert (await finder.find([set_id], question))[0].entry.heading == heading
        by_words = await PassageFinder(database).find([set_id], question)
        assert heading not in [one.entry.heading for one in by_words]
    (best, *_) = await finder.find([set_id], "Erstattung?")
    assert (best.model, best.floor) == ("fake", DEFAULT_VECTOR_FLOOR)


async def test_words_alone_serve_until_every_document_has_its_vectors(
    database: Database, embedder: FakeEmbedder
) -> None:
    """Relevances with and without vectors cannot be compared: a scope is searched in one way."""
    set_id = await put(database, embedder)
    await put(database, None, text="# Other\n\nWe open a can.", name="b.md")
    (best, *_) = await finder_of(database, embedder).find([set_id], "when do you open")
    assert (best.model, best.floor) == ("", DEFAULT_FLOOR)
    await put(database, embedder)
    (best, *_) = await finder_of(database, embedder).find([set_id], "when do you open")
    assert best.model == "fake"


async def test_words_alone_serve_while_the_model_is_down_and_it_is_told_once(
    database: Database, embedder: FakeEmbedder
) -> None:
    """A failed call is not repeated for each question: the model gets a pause, and is used again after it."""
    set_id, clock = await put(database, embedder), FakeClock()
    finder = finder_of(database, embedder, clock)
    embedder.is_down = True
    with capture_logs() as lines:
        for _ in range(3):
            assert await finder.find([set_id], "refunds")
            clock.advance(PAUSE_S + 1)
        embedder.is_down = False
        calls = len(embedder.calls)
        (best, *_) = await finder.find([set_id], "refunds")
    assert best.model == "fake"
    assert len(embedder.calls) == calls + 1
    assert [line["event"] for line in lines] == ["knowledge.vectors_unavailable", "knowledge.vectors_back"]


async def test_a_floor_counts_for_the_way_of_searching_that_it_was_measured_with(
    database: Database, embedder: FakeEmbedder
) -> None:
    """A floor for words refuses nothing by vectors, and the other way about."""
    set_id = await put(database, embedder)
    finder = finder_of(database, embedder)
    async with database.begin() as tx:
        await knowledge.save_floor(tx, set_id, 0.99)
    assert (await finder.find([set_id], "refunds"))[0].floor == DEFAULT_VECTOR_FLOOR
    assert await PassageFinder(database).find([set_id], "a refund of delivery") == []
    async with database.begin() as tx:
        await knowledge.save_floor(tx, set_id, 0.99, model="fake")
    assert await finder.find([set_id], "refunds please") == []
    assert (await PassageFinder(database).find([set_id], "a refund of delivery"))[0].floor == DEFAULT_FLOOR


async def test_a_replaced_document_is_searched_with_its_new_vectors(
    database: Database, embedder: FakeEmbedder
) -> None:
    """A process keeps the vectors that it has read; a new version is read anew."""
    set_id = await put(database, embedder)
    finder = finder_of(database, embedder)
    await finder.find([set_id], "Erstattung")
    await put(database, embedder, text=TEXT.replace("Refunds", "Parcels lost"))
    assert all(one.relevance < 0.5 for one in await finder.find([set_id], "Erstattung"))
    assert (await finder.find([set_id], "Lieferung"))[0].entry.heading == "Delivery"


async def test_a_large_set_finds_what_is_near_beyond_the_candidates_by_words(
    database: Database, embedder: FakeEmbedder
) -> None:
    """Among hundreds of passages with the question's words, the one that means it is found."""
    sections = "\n\n".join(f"## Item {number}\n\nthe thing number {number}" for number in range(500))
    set_id = await put(database, embedder, text=f"# List\n\n{sections}\n\n## Refunds\n\nWithin a week.")
    found = await finder_of(database, embedder).find([set_id], "the Erstattung Erstattung")
    assert found[0].entry.heading == "Refunds"
