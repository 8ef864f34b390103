"""Vectors of documents' texts, in pieces, with the name of the model that made them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, delete, func, insert, or_, select

from core.store import schema
from core.store.database import Transaction

_D = schema.knowledge_documents
_V = schema.knowledge_vectors

MAX_BATCH: Final = 500  #: parameters of one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorPiece:
    """Vectors of some texts of one version of a document."""

    version: int
    start: int  #: position of the first text
    count: int
    total: int  #: texts of the document
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorProgress:
    """How far the vectors of a document's current version are."""

    model: str
    embedded: int  #: texts that have vectors
    total: int  #: texts of the document


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDocument:
    """A document without all vectors of a model."""

    id: int
    name: str
    title: str
    version: int
    embedded: int  #: texts that have vectors


async def load_pieces(
    tx: Transaction, document_ids: Collection[int], model: str
) -> Mapping[int, Sequence[VectorPiece]]:
    """Return the vectors of a model by document, in order."""
    found: dict[int, list[VectorPiece]] = {}
    ids = list(document_ids)
    for first in range(0, len(ids), MAX_BATCH):
        query = (
            select(_V)
            .where(_V.c.document_id.in_(ids[first : first + MAX_BATCH]), _V.c.model == model)
            .order_by(_V.c.document_id, _V.c.start)
        )
        for row in await tx.execute(query):
            piece = VectorPiece(
                version=row.version, start=row.start, count=row.texts, total=row.total, data=bytes(row.data)
            )
            found.setdefault(row.document_id, []).append(piece)
    return found


async def load_pending(tx: Transaction, model: str) -> Sequence[PendingDocument]:
    """Return the documents without vectors of a model for their current version, the oldest first."""
    own = and_(_V.c.document_id == _D.c.id, _V.c.version == _D.c.version, _V.c.model == model)
    embedded, total = func.coalesce(func.sum(_V.c.texts), 0), func.max(_V.c.total)
    query = (
        select(_D.c.id, _D.c.name, _D.c.title, _D.c.version, embedded)
        .outerjoin(_V, own)
        .group_by(_D.c.id, _D.c.name, _D.c.title, _D.c.version)
        .having(or_(total.is_(None), embedded < total))
        .order_by(_D.c.id)
    )
    return [
        PendingDocument(id=id_, name=name, title=title, version=version, embedded=int(count))
        for id_, name, title, version, count in await tx.execute(query)
    ]


async def load_progress(tx: Transaction, set_id: int) -> Mapping[int, VectorProgress]:
    """Return how many texts of a set's documents have vectors, by document; none without any vectors.

    After a change of the model, the one that is further counts.
    """
    own = and_(_V.c.document_id == _D.c.id, _V.c.version == _D.c.version)
    query = (
        select(_D.c.id, _V.c.model, func.sum(_V.c.texts), func.max(_V.c.total))
        .join(_V, own)
        .where(_D.c.set_id == set_id)
        .group_by(_D.c.id, _V.c.model)
        .order_by(func.sum(_V.c.texts))
    )
    return {
        id_: VectorProgress(model=model, embedded=int(embedded), total=total)
        for id_, model, embedded, total in await tx.execute(query)
    }


async def save_piece(tx: Transaction, document_id: int, model: str, piece: VectorPiece) -> bool:
    """Store one piece; return False if the document has changed or is gone."""
    query = select(_D.c.version).where(_D.c.id == document_id).with_for_update()
    if (await tx.execute(query)).scalar_one_or_none() != piece.version:
        return False
    same = and_(_V.c.document_id == document_id, _V.c.model == model, _V.c.start == piece.start)
    await tx.execute(delete(_V).where(same))
    await tx.execute(
        insert(_V).values(
            document_id=document_id,
            model=model,
            start=piece.start,
            version=piece.version,
            texts=piece.count,
            total=piece.total,
            data=piece.data,
        )
    )
    return True


async def remove(tx: Transaction, document_id: int, *, keep_model: str | None = None) -> None:
    """Delete the vectors of a document; those of ``keep_model`` stay."""
    others = [] if keep_model is None else [_V.c.model != keep_model]
    await tx.execute(delete(_V).where(_V.c.document_id == document_id, *others))
