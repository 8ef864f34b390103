"""Passages of documents, and the stored indexes that searches read."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.engine import Row

from core.domain.stored_passage import StoredPassage
from core.store import schema
from core.store.database import Transaction

_S = schema.knowledge_sets
_D = schema.knowledge_documents
_P = schema.knowledge_passages

MAX_BATCH: Final = 500  #: rows or parameters of one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedVersion:
    """One version of a document; its index never changes."""

    document_id: int
    version: int
    floor: float | None = None  #: least relevance of its set's passages; None for the default
    floor_model: str = ""  #: model of the vectors with which the floor was measured; "" for words alone


async def load_indexed_versions(tx: Transaction, set_ids: Collection[int]) -> Sequence[IndexedVersion]:
    """Return the current versions of all documents in some sets, in the order of their names."""
    query = (
        select(_D.c.id, _D.c.version, _S.c.floor, _S.c.floor_model)
        .join(_S, _S.c.id == _D.c.set_id)
        .where(_D.c.set_id.in_(set_ids))
        .order_by(_D.c.name, _D.c.id)
    )
    return [
        IndexedVersion(document_id=id_, version=version, floor=floor, floor_model=model)
        for id_, version, floor, model in await tx.execute(query)
    ]


async def load_indexes(tx: Transaction, document_ids: Sequence[int]) -> Mapping[int, bytes]:
    """Return the stored search indexes of some documents by their ids."""
    found: dict[int, bytes] = {}
    for start in range(0, len(document_ids), MAX_BATCH):
        some = document_ids[start : start + MAX_BATCH]
        query = select(_D.c.id, _D.c.search_index).where(_D.c.id.in_(some))
        found.update((id_, bytes(data)) for id_, data in await tx.execute(query))
    return found


async def load_passages(
    tx: Transaction, places: Collection[tuple[IndexedVersion, int]]
) -> Mapping[tuple[int, int], StoredPassage]:
    """Return passages by (id of the document, position in it).

    Passages of a document that was replaced or removed since its version was loaded are left out.
    """
    if not places:
        return {}
    versions = {version.document_id: version.version for version, _ in places}
    query = (
        select(_P, _D.c.name.label("document"), _D.c.version.label("version"))
        .join(_D, _D.c.id == _P.c.document_id)
        .where(_P.c.document_id.in_(list(versions)), _P.c.position.in_({at for _, at in places}))
    )  # pairs as tuples would make SQLite read the whole table
    wanted = {(one.document_id, at) for one, at in places}
    return {
        (row.document_id, row.position): _passage(row)
        for row in await tx.execute(query)
        if row.version == versions[row.document_id] and (row.document_id, row.position) in wanted
    }


async def load_title(tx: Transaction, version: IndexedVersion) -> str | None:
    """Return the title of a document; None if it was replaced or removed since its version was loaded."""
    query = select(_D.c.title).where(_D.c.id == version.document_id, _D.c.version == version.version)
    title: str | None = (await tx.execute(query)).scalar_one_or_none()
    return title


async def load_document_passages(tx: Transaction, document_id: int) -> Sequence[StoredPassage]:
    """Return all passages of a document in order."""
    query = (
        select(_P, _D.c.name.label("document"))
        .join(_D, _D.c.id == _P.c.document_id)
        .where(_P.c.document_id == document_id)
        .order_by(_P.c.position)
    )
    return [_passage(row) for row in await tx.execute(query)]


async def add(tx: Transaction, set_id: int, document_id: int, passages: Sequence[StoredPassage]) -> None:
    """Store a document's passages."""
    rows = [
        {
            "set_id": set_id,
            "document_id": document_id,
            "position": position,
            "uid": entry.uid,
            "label": entry.label,
            "heading": entry.heading,
            "text": entry.text,
            "url": entry.url,
            "aliases": entry.aliases,
            "added_aliases": entry.added_aliases,
        }
        for position, entry in enumerate(passages)
    ]
    if rows:
        await tx.execute(insert(_P), rows)


async def remove_passages(tx: Transaction, document_id: int) -> None:
    """Delete a document's passages."""
    await tx.execute(delete(_P).where(_P.c.document_id == document_id))


def _passage(row: Row[*tuple[Any, ...]]) -> StoredPassage:
    return StoredPassage(
        uid=row.uid,
        label=row.label,
        heading=row.heading,
        text=row.text,
        url=row.url,
        document=row.document,
        aliases=row.aliases,
        added_aliases=row.added_aliases,
    )
