"""The passages of documents, found by full text.

The database finds candidates by its own index (FTS5, a GIN index over a ``tsvector``); their order is
made by :mod:`core.knowledge.ranking`, so that both databases answer alike.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.engine import Row

from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_D = schema.knowledge_documents
_P = schema.knowledge_passages
_T = schema.knowledge_terms

MAX_BATCH = 500  #: rows or parameters of one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassage:
    """A passage as it is stored and found."""

    uid: str
    label: str  #: the path of headings
    heading: str
    text: str
    url: str
    words: str  #: its terms, blanks between
    length: int  #: in words
    document: str = ""  #: the document's name; given where it was found


async def corpus_size(tx: Transaction, set_ids: Collection[int]) -> tuple[int, float]:
    """Return how many passages sets have together, and their mean length in words."""
    query = select(func.count(), func.coalesce(func.sum(_P.c.length), 0)).where(_P.c.set_id.in_(set_ids))
    count, total = (await tx.execute(query)).one()
    return count, float(total) / count if count else 0.0


async def document_frequencies(
    tx: Transaction, set_ids: Collection[int], terms: Collection[str]
) -> Mapping[str, int]:
    """Return in how many passages of some sets each term stands; those that stand in none are left out."""
    query = (
        select(_T.c.term, func.sum(_T.c.passages))
        .where(_T.c.set_id.in_(set_ids), _T.c.term.in_(terms))
        .group_by(_T.c.term)
    )
    return {term: int(count) for term, count in await tx.execute(query)}


async def find_candidates(
    tx: Transaction, set_ids: Collection[int], terms: Collection[str], *, limit: int
) -> Sequence[StoredPassage]:
    """Return the passages of some sets that have any of ``terms``, by the full-text index, unranked."""
    if not terms or not set_ids:
        return []
    # A term is letters and digits only: nothing in it can mean anything to either database.
    if tx.dialect.name == "sqlite":
        found = text("knowledge_passages.id IN (SELECT rowid FROM knowledge_index WHERE words MATCH :terms)")
        wanted = " OR ".join(f'"{term}"' for term in terms)
    else:
        found = text(
            "array_to_tsvector(string_to_array(knowledge_passages.words, ' ')) @@ CAST(:terms AS tsquery)"
        )
        wanted = " | ".join(f"'{term}'" for term in terms)
    query = (
        select(_P, _D.c.name.label("document"))
        .join(_D, _D.c.id == _P.c.document_id)
        .where(_P.c.set_id.in_(set_ids), found)
        .order_by(_P.c.id)
        .limit(limit)
    )
    return [_passage(row) for row in await tx.execute(query, {"terms": wanted})]


async def add(tx: Transaction, set_id: int, document_id: int, passages: Sequence[StoredPassage]) -> None:
    """Store a document's passages, and count their terms."""
    if not passages:
        return
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
            "words": entry.words,
            "length": entry.length,
        }
        for position, entry in enumerate(passages)
    ]
    await tx.execute(insert(_P), rows)
    counts = _count_terms(entry.words for entry in passages)
    values = [{"set_id": set_id, "term": term, "passages": count} for term, count in sorted(counts.items())]
    for start in range(0, len(values), MAX_BATCH):
        added = upsert(tx, _T).values(values[start : start + MAX_BATCH])
        await tx.execute(
            added.on_conflict_do_update(
                index_elements=["set_id", "term"], set_={"passages": _T.c.passages + added.excluded.passages}
            )
        )


async def remove_passages(tx: Transaction, set_id: int, document_id: int) -> None:
    """Forget a document's passages, and take their terms out of the counts."""
    query = select(_P.c.words).where(_P.c.document_id == document_id)
    counts = _count_terms((await tx.execute(query)).scalars())
    await tx.execute(delete(_P).where(_P.c.document_id == document_id))
    by_count: dict[int, list[str]] = {}
    for term, count in counts.items():
        by_count.setdefault(count, []).append(term)
    for count, terms in by_count.items():
        for start in range(0, len(terms), MAX_BATCH):
            some = terms[start : start + MAX_BATCH]
            await tx.execute(
                update(_T)
                .where(_T.c.set_id == set_id, _T.c.term.in_(some))
                .values(passages=_T.c.passages - count)
            )
    await tx.execute(delete(_T).where(_T.c.set_id == set_id, _T.c.passages <= 0))


def _count_terms(passages: Iterable[str]) -> Counter[str]:
    """Return in how many of some passages each term stands."""
    return Counter(term for words in passages for term in set(words.split()))


def _passage(row: Row[*tuple[Any, ...]]) -> StoredPassage:
    return StoredPassage(
        uid=row.uid,
        label=row.label,
        heading=row.heading,
        text=row.text,
        url=row.url,
        words=row.words,
        length=row.length,
        document=row.document,
    )
