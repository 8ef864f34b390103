"""Knowledge sets and their documents; their passages are in :mod:`core.store.passages`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.engine import Row

from core.domain.stored_passage import StoredPassage
from core.store import passages, schema, vectors
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_S = schema.knowledge_sets
_D = schema.knowledge_documents
_P = schema.knowledge_passages
_V = schema.knowledge_vectors

#: Every column of a document but its search index.
_DOCUMENT_COLUMNS = tuple(column for column in _D.c if column.name != "search_index")


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Owner of a set: a tenant, or the deployment if both fields are ""."""

    platform: str = ""
    tenant: str = ""


DEPLOYMENT = Owner()


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeSet:
    """One set and the size of its content."""

    id: int
    owner: Owner
    name: str
    documents: int = 0
    passages: int = 0
    floor: float | None = None  #: least relevance of a passage that is found; None for the default


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """One document of a set, without its passages."""

    id: int
    set_id: int
    name: str
    title: str
    hash: str
    version: int  #: 1, and one more for every replacement
    passages: int
    author_id: str  #: id of a person; "" for the operator
    changed_at: datetime


async def find_set(tx: Transaction, owner: Owner, name: str) -> KnowledgeSet | None:
    """Return an owner's set by its name; None if there is none."""
    found = await _load_sets(
        tx, _S.c.platform == owner.platform, _S.c.tenant == owner.tenant, _S.c.name == name
    )
    return found[0] if found else None


async def get_or_create_set(tx: Transaction, owner: Owner, name: str) -> KnowledgeSet:
    """Return an owner's set by its name, created if it is new."""
    made = upsert(tx, _S).values(
        platform=owner.platform, tenant=owner.tenant, name=name, created_at=utc_now()
    )
    await tx.execute(made.on_conflict_do_nothing())
    mine = (_S.c.platform == owner.platform, _S.c.tenant == owner.tenant, _S.c.name == name)
    (found,) = await _load_sets(tx, *mine)  # inserted above, or by the transaction that it conflicted with
    return found


async def resolve_set_ids(tx: Transaction, owner: Owner, names: Collection[str]) -> Sequence[int]:
    """Return the ids of the sets that ``names`` refer to for ``owner``: its own, else the deployment's.

    A name of no set, or of another tenant's only, is ignored.
    """
    if not names:
        return []
    mine = and_(_S.c.platform == owner.platform, _S.c.tenant == owner.tenant)
    deployments = and_(_S.c.platform == "", _S.c.tenant == "")
    query = select(_S.c.id, _S.c.name, _S.c.platform).where(_S.c.name.in_(names), or_(mine, deployments))
    chosen: dict[str, int] = {}
    for id_, name, platform in await tx.execute(query.order_by(_S.c.id)):
        if platform or name not in chosen:
            chosen[name] = id_
    return sorted(chosen.values())


async def load_all_sets(tx: Transaction) -> Sequence[KnowledgeSet]:
    """Return the sets of all owners: the deployment's first, then by owner and name."""
    return await _load_sets(tx)


async def load_usable_sets(tx: Transaction, owner: Owner) -> Sequence[KnowledgeSet]:
    """Return the sets that an owner may use: its own and the deployment's."""
    mine = and_(_S.c.platform == owner.platform, _S.c.tenant == owner.tenant)
    return await _load_sets(tx, or_(mine, and_(_S.c.platform == "", _S.c.tenant == "")))


async def load_set_names(tx: Transaction, *, platform: str, tenant: str = "") -> Sequence[str]:
    """Return the names of the deployment's sets and a tenant's; "" means all tenants of a platform."""
    mine = _S.c.platform == platform if not tenant else and_(_S.c.platform == platform, _S.c.tenant == tenant)
    query = select(_S.c.name).where(or_(mine, _S.c.platform == "")).distinct().order_by(_S.c.name)
    return list(await tx.scalars(query))


async def load_documents(tx: Transaction, set_id: int) -> Sequence[StoredDocument]:
    """Return a set's documents by name."""
    query = select(*_DOCUMENT_COLUMNS).where(_D.c.set_id == set_id).order_by(_D.c.name)
    return [_document(row) for row in await tx.execute(query)]


async def get_document(tx: Transaction, document_id: int) -> StoredDocument | None:
    """Return a document by its id; None if there is none."""
    row = (await tx.execute(select(*_DOCUMENT_COLUMNS).where(_D.c.id == document_id))).one_or_none()
    return None if row is None else _document(row)


async def save_document(
    tx: Transaction,
    set_id: int,
    *,
    name: str,
    title: str,
    hash_: str,
    new_passages: Sequence[StoredPassage],
    search_index: bytes,
    author_id: str = "",
) -> StoredDocument | None:
    """Store a document in place of the one with its name; None if that has the same hash."""
    await tx.execute(
        select(_S.c.id).where(_S.c.id == set_id).with_for_update()
    )  # serializes changes of the set
    query = select(*_DOCUMENT_COLUMNS).where(_D.c.set_id == set_id, _D.c.name == name)
    row = (await tx.execute(query)).one_or_none()
    before = None if row is None else _document(row)
    if before is not None and before.hash == hash_:
        return None
    now = utc_now()
    values: dict[str, Any] = {
        "title": title[:255],
        "hash": hash_,
        "passage_count": len(new_passages),
        "search_index": search_index,
        "author_id": author_id,
        "changed_at": now,
    }
    if before is None:
        added = insert(_D).values(set_id=set_id, name=name, version=1, created_at=now, **values)
        document = (await tx.execute(added.returning(*_DOCUMENT_COLUMNS))).one()
    else:
        await passages.remove_passages(tx, before.id)
        await vectors.remove(tx, before.id)
        changed = update(_D).where(_D.c.id == before.id).values(version=before.version + 1, **values)
        document = (await tx.execute(changed.returning(*_DOCUMENT_COLUMNS))).one()
    await passages.add(tx, set_id, document.id, new_passages)
    return _document(document)


async def save_aliases(
    tx: Transaction, document: StoredDocument, *, uid: str, added_aliases: str, search_index: bytes
) -> bool:
    """Store the added aliases of one passage with the document's new index, as its next version.

    Returns False if the document has another version by now.
    """
    changed = await tx.execute(
        update(_D)
        .where(_D.c.id == document.id, _D.c.version == document.version)
        .values(version=document.version + 1, search_index=search_index)
    )
    if not changed.rowcount:
        return False
    where = (_P.c.document_id == document.id, _P.c.uid == uid)
    await tx.execute(update(_P).where(*where).values(added_aliases=added_aliases))
    return True


async def remove_document(tx: Transaction, set_id: int, name: str) -> bool:
    """Delete a document; return False if the set has none of that name."""
    await tx.execute(select(_S.c.id).where(_S.c.id == set_id).with_for_update())
    query = select(_D.c.id).where(_D.c.set_id == set_id, _D.c.name == name)
    document_id = (await tx.execute(query)).scalar_one_or_none()
    if document_id is None:
        return False
    await passages.remove_passages(tx, document_id)
    await vectors.remove(tx, document_id)
    await tx.execute(delete(_D).where(_D.c.id == document_id))
    return True


async def remove_set(tx: Transaction, set_id: int) -> None:
    """Delete a set with everything in it."""
    documents = select(_D.c.id).where(_D.c.set_id == set_id)
    await tx.execute(delete(_V).where(_V.c.document_id.in_(documents)))
    for table in (_P, _D):
        await tx.execute(delete(table).where(table.c.set_id == set_id))
    await tx.execute(delete(_S).where(_S.c.id == set_id))


async def save_floor(tx: Transaction, set_id: int, floor: float | None, *, model: str = "") -> None:
    """Store the least relevance of a set's passages; None for the default.

    ``model`` names the vectors with which it was measured; "" for words alone.
    """
    await tx.execute(update(_S).where(_S.c.id == set_id).values(floor=floor, floor_model=model))


async def rename_set(tx: Transaction, owner: Owner, *, old: str, new: str) -> None:
    """Rename an owner's set; nothing happens if it does not exist or the new name is taken."""
    if await find_set(tx, owner, new) is None:
        await tx.execute(
            update(_S)
            .where(_S.c.platform == owner.platform, _S.c.tenant == owner.tenant, _S.c.name == old)
            .values(name=new)
        )


async def _load_sets(tx: Transaction, *where: Any) -> Sequence[KnowledgeSet]:
    query = (
        select(
            _S.c.id,
            _S.c.platform,
            _S.c.tenant,
            _S.c.name,
            _S.c.floor,
            func.count(_D.c.id).label("documents"),
            func.coalesce(func.sum(_D.c.passage_count), 0).label("passages"),
        )
        .outerjoin(_D, _D.c.set_id == _S.c.id)
        .where(*where)
        .group_by(_S.c.id, _S.c.platform, _S.c.tenant, _S.c.name, _S.c.floor)
        .order_by(_S.c.platform, _S.c.tenant, _S.c.name)
    )
    return [
        KnowledgeSet(
            id=row.id,
            owner=Owner(platform=row.platform, tenant=row.tenant),
            name=row.name,
            floor=row.floor,
            documents=row.documents,
            passages=int(row.passages),
        )
        for row in await tx.execute(query)
    ]


def _document(row: Row[*tuple[Any, ...]]) -> StoredDocument:
    return StoredDocument(
        id=row.id,
        set_id=row.set_id,
        name=row.name,
        title=row.title,
        hash=row.hash,
        version=row.version,
        passages=row.passage_count,
        author_id=row.author_id,
        changed_at=row.changed_at,
    )
