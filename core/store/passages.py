"""Passages of documents, found by full text.

The database finds candidates by its own index (FTS5, a GIN index over a ``tsvector``);
:mod:`core.knowledge.ranking` ranks them, so that both databases answer alike.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.engine import Row

from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_D = schema.knowledge_documents
_P = schema.knowledge_passages
_T = schema.knowledge_terms

MAX_BATCH: Final = 500  #: rows or parameters of one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPassage:
    """One stored passage."""

    uid: str
    label: str  #: path of headings
    heading: str
    text: str
    url: str
    words: str  #: its terms, separated by blanks
    length: int  #: in words
    document: str = ""  #: name of its document; "" until it is stored


async def corpus_size(tx: Transaction, set_ids: Collection[int]) -> tuple[int, float]:
    """Return the number of passages of all these sets, and their mean length in words."""
    query = select(func.count(), func.coalesce(func.sum(_P.c.word_count), 0)).where(_P.c.set_id.in_(set_ids))
    count, total = (await tx.execute(query)).one()
    return count, float(total) / count if count else 0.0


async def document_frequencies(
    tx: Transaction, set_ids: Collection[int], terms: Collection[str]
) -> Mapping[str, int]:
    """Return the number of passages that hold each term; terms that none holds are left out."""
    query = (
        select(_T.c.term, func.sum(_T.c.passage_count))
        .where(_T.c.set_id.in_(set_ids), _T.c.term.in_(terms))
        .group_by(_T.c.term)
    )
    return {term: int(count) for term, count in await tx.execute(query)}


async def find_candidates(
    tx: Transaction, set_ids: Collection[int], terms: Collection[str], *, limit: int
) -> Sequence[StoredPassage]:
    """Return passages that hold any of ``terms``, by the full-text index, unranked."""
    if not terms or not set_ids:
        return []
    # A term is letters and digits only, so nothing in it is syntax to either database.
    if tx.dialect.name == "sqlite":
        found = text("knowledge_passages.id IN (SELECT rowid FROM knowledge_index WHERE terms MATCH :terms)")
        wanted = " OR ".join(f'"{term}"' for term in terms)
    else:
        found = text(
            "array_to_tsvector(string_to_array(knowledge_passages.terms, ' ')) @@ CAST(:terms AS tsquery)"
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
    """Store a document's passages and add their terms to the counts."""
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
            "terms": entry.words,
            "word_count": entry.length,
        }
        for position, entry in enumerate(passages)
    ]
    await tx.execute(insert(_P), rows)
    counts = _count_terms(entry.words for entry in passages)
    values = [
        {"set_id": set_id, "term": term, "passage_count": count} for term, count in sorted(counts.items())
    ]
    for start in range(0, len(values), MAX_BATCH):
        added = upsert(tx, _T).values(values[start : start + MAX_BATCH])
        await tx.execute(
            added.on_conflict_do_update(
                index_elements=["set_id", "term"],
                set_={"passage_count": _T.c.passage_count + added.excluded.passage_count},
            )
        )


async def remove_passages(tx: Transaction, set_id: int, document_id: int) -> None:
    """Delete a document's passages and subtract their terms from the counts."""
    query = select(_P.c.terms).where(_P.c.document_id == document_id)
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
                .values(passage_count=_T.c.passage_count - count)
            )
    await tx.execute(delete(_T).where(_T.c.set_id == set_id, _T.c.passage_count <= 0))


def _count_terms(passages: Iterable[str]) -> Counter[str]:
    """Return the number of passages that hold each term."""
    return Counter(term for words in passages for term in set(words.split()))


def _passage(row: Row[*tuple[Any, ...]]) -> StoredPassage:
    return StoredPassage(
        uid=row.uid,
        label=row.label,
        heading=row.heading,
        text=row.text,
        url=row.url,
        words=row.terms,
        length=row.word_count,
        document=row.document,
    )
