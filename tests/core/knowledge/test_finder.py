"""Sets in the database: found alike on both kinds, replaced, kept apart."""

import pytest

from core.files.file_policy import UnusableFile
from core.knowledge.finder import find_passages
from core.knowledge.indexing import index_document
from core.store import Database, knowledge, passages
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
    return [one.entry.heading for one in await find_passages(database, ids, question)]


async def test_the_best_passage_is_first(database: Database) -> None:
    """A question finds what covers it, best first, and nothing where it is about something else."""
    await put(database)
    assert (await headings(database, "when does the shop open?"))[0] == "Opening hours"
    assert (await headings(database, "I want my money back"))[:1] == ["Returns"]
    assert await headings(database, "how tall is the Eiffel tower") == []
    assert await headings(database, "") == []


async def test_both_databases_rank_alike(sqlite_url: str, postgres_url: str) -> None:
    """Scores and order are the same to the last digit on SQLite and on PostgreSQL."""
    from core.store import migrate

    ranked = []
    for url in (sqlite_url, postgres_url):
        await migrate.upgrade(url)
        database = Database(url)
        for number in range(6):
            await put(database, TEXT.replace("ten", f"{number} ten tea"), name=f"{number}.md")
        async with database.read() as tx:
            ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, ["shop"])
        found = await find_passages(
            database, ids, "open tea refund Japan parcels", limit=50, min_coverage=0.0
        )
        ranked.append([(one.entry.document, one.entry.uid, one.score, one.coverage) for one in found])
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
        counted = await passages.document_frequencies(tx, ids, ["japan", "norwai", "tea"])
        size, _ = await passages.corpus_size(tx, ids)
    assert (document.version, document.passages, size) == (2, 3, 3)
    assert counted == {"norwai": 1, "tea": 1}


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
        assert await passages.document_frequencies(tx, [set_id], ["tea", "refund"]) == {}
        assert await passages.find_candidates(tx, [set_id], ["tea", "refund"], limit=9) == []


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
    """Of thousands of passages the rarest words of a question choose the candidates."""
    sections = [
        f"## Item {number}\n\nOur article number {number} costs {number} dollars." for number in range(600)
    ]
    await put(database, "# List\n\n" + "\n\n".join(sections))
    assert (await headings(database, "what does article 577 cost?"))[0] == "Item 577"
