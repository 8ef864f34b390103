"""Sets in the database: found alike on both kinds, replaced, kept apart."""

import contextlib
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.files.file_policy import UnusableFile
from core.knowledge import finder as finder_module
from core.knowledge.finder import PassageFinder
from core.knowledge.indexing import index_document
from core.knowledge.ranking import PassageRanker, ScoredPassage
from core.store import Database, knowledge, passages, schema
from core.store.database import Transaction
from core.store.knowledge import DEPLOYMENT, Owner

TEXT = """# Shop

## Opening hours

We open at ten; the shop is closed on Mondays.

## Returns

Unopened tea goes back within seven days for a refund.

## Delivery

Parcels reach Japan in ten days.
"""
ACME = Owner(platform="slack", tenant="T1")
OTHER = Owner(platform="slack", tenant="T2")


async def put(
    database: Database,
    text: str = TEXT,
    *,
    owner: Owner = DEPLOYMENT,
    name: str = "shop.md",
    into: str = "shop",
) -> bool:
    """Teach a set a Markdown text; return whether it was new."""
    return (await index_document(database, owner, into, name=name, text=text, extension="md")).changed


async def headings(
    database: Database, question: str, *, owner: Owner = DEPLOYMENT, name: str = "shop"
) -> list[str]:
    """Return the headings of what a question finds in a set."""
    async with database.read() as tx:
        ids = await knowledge.resolve_set_ids(tx, owner, [name])
    return [one.entry.heading for one in await PassageFinder(database).find(ids, question)]


async def test_the_best_passage_is_first(database: Database) -> None:
    """A question finds what covers it, best first; another subject has a low relevance or nothing."""
    await put(database)
    assert (await headings(database, "when does the shop open?"))[0] == "Opening hours"
    assert (await headings(database, "I want my money back"))[:1] == ["Returns"]
    async with database.read() as tx:
        ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
    unrelated = await PassageFinder(database).find(ids, "how tall is the Eiffel tower")
    assert all(one.relevance < 0.3 for one in unrelated)
    assert await headings(database, "") == []


async def test_both_databases_rank_alike(migrated_sqlite_url: str, migrated_postgres_url: str) -> None:
    """Scores and order are the same to the last digit on SQLite and on PostgreSQL."""
    ranked = []
    for url in (migrated_sqlite_url, migrated_postgres_url):
        database = Database(url)
        for number in range(6):
            await put(database, TEXT.replace("ten", f"{number} ten tea"), name=f"{number}.md")
        async with database.read() as tx:
            ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
        found = await PassageFinder(database).find(ids, "open tea refund Japan parcels", limit=50, floor=0.0)
        ranked.append([(one.entry.document, one.entry.uid, one.relevance) for one in found])
        await database.close()
    assert ranked[0] == ranked[1]
    assert len(ranked[0]) >= 12


async def test_a_document_is_replaced_by_its_name(database: Database) -> None:
    """New bytes under an old name take its place and raise its version; the same bytes change nothing."""
    assert await put(database)
    assert not await put(database)
    assert await put(database, TEXT.replace("Japan", "Norway"))
    assert await headings(database, "parcels to Japan") == ["Delivery"]
    async with database.read() as tx:
        ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
        (document,) = await knowledge.load_documents(tx, ids[0])
    assert (document.version, document.passages) == (2, 3)
    assert await headings(database, "parcels to Norway") == ["Delivery"]


async def test_what_is_removed_is_found_no_more(database: Database) -> None:
    """A removed document, and a removed set, leave nothing behind."""
    await put(database)
    await put(database, "# More\n\n## Gift cards\n\nThey are valid for a year.", name="more.md")
    async with database.begin() as tx:
        (set_id,) = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
        assert await knowledge.remove_document(tx, set_id, "more.md")
        assert not await knowledge.remove_document(tx, set_id, "more.md")
    assert await headings(database, "gift cards") == []
    assert await headings(database, "refund")
    async with database.begin() as tx:
        await knowledge.remove_set(tx, set_id)
    async with database.read() as tx:
        assert await knowledge.load_all_sets(tx) == []
        assert await passages.load_indexed_versions(tx, [set_id]) == []


async def test_tenants_do_not_see_each_others_sets(database: Database) -> None:
    """A tenant's name means its own set, else the deployment's, never another tenant's."""
    await put(database, owner=ACME, into="private")
    await put(database, into="shared")
    async with database.read() as tx:
        assert len(await knowledge.resolve_set_ids(tx, ACME, ["private", "shared"])) == 2
        assert len(await knowledge.resolve_set_ids(tx, OTHER, ["private", "shared"])) == 1
        assert await knowledge.resolve_set_ids(tx, OTHER, ["private"]) == []
        assert [one.name for one in await knowledge.load_usable_sets(tx, OTHER)] == ["shared"]
    await put(database, TEXT.replace("Japan", "Norway"), owner=ACME, into="shared")
    assert await headings(database, "parcels to Norway", owner=ACME, name="shared") == ["Delivery"]
    assert await headings(database, "Norway", owner=OTHER, name="shared") == []


async def test_a_refused_document_leaves_the_set_as_it_was(database: Database) -> None:
    """What holds no words is refused, and the document of its name stays."""
    await put(database)
    with pytest.raises(UnusableFile):
        await put(database, "# nothing")
    assert await headings(database, "refund") == ["Returns"]


async def test_many_passages_with_a_common_word_stay_quick(database: Database) -> None:
    """Of many passages the rarest features of a question choose the candidates."""
    sections = [
        f"## Item {number}\n\nOur article number {number} costs {number} dollars." for number in range(600)
    ]
    await put(database, "# List\n\n" + "\n\n".join(sections))
    assert (await headings(database, "what does article 577 cost?"))[0] == "Item 577"


async def test_a_set_keeps_its_own_floor(database: Database) -> None:
    """We chose that passages below a set's floor are not found; a set without one has a low floor."""
    await put(database)
    finder = PassageFinder(database)
    async with database.begin() as tx:
        (set_id,) = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
    (found, *_) = await finder.find([set_id], "parcels")
    async with database.begin() as tx:
        await knowledge.save_floor(tx, set_id, found.relevance + 0.01)
    assert await finder.find([set_id], "parcels") == []
    (kept, *_) = await finder.find([set_id], "parcels", floor=0.0)
    assert kept.floor > kept.relevance


async def test_one_finder_sees_every_new_version(database: Database) -> None:
    """A process keeps the indexes that it read; a replaced document is read again, also by a tiny cache."""
    finder = PassageFinder(database, max_cache_bytes=1)
    for place in ("Japan", "Norway", "Chile"):
        await put(database, TEXT.replace("Japan", place))
        async with database.read() as tx:
            (set_id,) = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
        (best, *_) = await finder.find([set_id], f"parcels to {place}")
        assert place in best.entry.text


async def test_an_index_of_another_version_is_named_and_finds_nothing(database: Database) -> None:
    """An unreadable index never stops an answer; the log says to add the document again."""
    await put(database)
    async with database.begin() as tx:
        await tx.execute(schema.knowledge_documents.update().values(search_index=b"old"))
    with capture_logs() as lines:
        assert await headings(database, "refund") == []
    assert [line["event"] for line in lines] == ["knowledge.index_unreadable"]


@pytest.mark.parametrize(
    ("question", "heading"),
    [
        ("retrun my unopend tea", "Returns"),
        ("refundable?", "Returns"),
        ("wen is the shop openning", "Opening hours"),
        ("delivry japan", "Delivery"),
    ],
)
async def test_misspelt_and_inflected_words_find_their_passage(
    database: Database, question: str, heading: str
) -> None:
    """Character n-grams find words that no dictionary has."""
    await put(database)
    assert (await headings(database, question))[0] == heading


async def test_no_connection_is_held_and_the_loop_runs_while_passages_are_ranked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranking is CPU work of milliseconds: it runs in a thread, after the connection was given back."""
    await put(database)
    async with database.read() as tx:
        ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
    seen: list[tuple[int, bool]] = []
    open_reads = 0
    rank, read = PassageRanker.rank, Database.read

    @contextlib.asynccontextmanager
    async def counted(opened: Database) -> AsyncIterator[Transaction]:
        nonlocal open_reads
        open_reads += 1
        async with read(opened) as tx:
            yield tx
        open_reads -= 1

    def observed(ranker: PassageRanker, *given: Any, **named: Any) -> list[ScoredPassage]:
        seen.append((open_reads, threading.current_thread() is threading.main_thread()))
        return rank(ranker, *given, **named)

    monkeypatch.setattr(PassageRanker, "rank", observed)
    monkeypatch.setattr(Database, "read", counted)
    assert await PassageFinder(database).find(ids, "refund")
    assert seen == [(0, False)]


async def test_the_index_that_was_not_used_longest_is_dropped_first(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We chose to keep the scopes in use: a full cache drops the one whose last question is oldest."""
    monkeypatch.setattr(finder_module, "MAX_RANKERS", 2)
    read: list[int] = []
    load = passages.load_indexes

    async def recorded(tx: Transaction, document_ids: Sequence[int]) -> Mapping[int, bytes]:
        read.append(len(document_ids))
        return await load(tx, document_ids)

    monkeypatch.setattr(passages, "load_indexes", recorded)
    for name in ("a", "b", "c"):
        await put(database, into=name)
    async with database.read() as tx:
        ids = {name: await knowledge.resolve_set_ids(tx, DEPLOYMENT, [name]) for name in ("a", "b", "c")}
    finder = PassageFinder(database)
    for name in ("a", "b", "a", "c", "a"):
        assert await finder.find(ids[name], "refund")
    assert len(read) == 3  # "a" stayed, although "c" came after it
