"""Other wordings of a passage that were taken from gaps: they outlive a new version of its file."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from core.domain.stored_passage import StoredPassage
from core.knowledge.document_job import IndexableDocument
from core.knowledge.segment import PassageText, build_segment, encode_segment
from core.knowledge.vector_index import headings_of
from core.store import Database, Transaction, knowledge, passages
from core.store.knowledge import Owner

MAX_ADDED: Final = 50  #: wordings of one passage; the oldest is dropped


async def add_alias(database: Database, document_id: int, uid: str, sentence: str) -> bool:
    """Let a passage be found by another sentence, also after its file is added anew.

    Returns False if there is no such passage any more, or its document is changed at the same moment.

    Raises:
        StoreUnavailable: nothing was stored.
    """
    async with database.read() as tx:
        document = await knowledge.get_document(tx, document_id)
        stored = await passages.load_document_passages(tx, document_id)
    passage = next((one for one in stored if one.uid == uid), None)
    if document is None or passage is None:
        return False
    lines = [*passage.added_aliases.splitlines(), " ".join(sentence.split())]
    added = "\n".join(list(dict.fromkeys(line for line in lines if line))[-MAX_ADDED:])
    if added == passage.added_aliases:
        return True
    changed = [replace(one, added_aliases=added) if one.uid == uid else one for one in stored]
    index = await asyncio.to_thread(_build_index, changed, document.title)
    async with database.begin() as tx:
        return await knowledge.save_aliases(tx, document, uid=uid, added_aliases=added, search_index=index)


async def load_added_aliases(tx: Transaction, owner: Owner, set_name: str, name: str) -> Mapping[str, str]:
    """Return the added aliases of a document's passages by their uids; {} for a new document."""
    target = await knowledge.find_set(tx, owner, set_name)
    documents = await knowledge.load_documents(tx, target.id) if target is not None else ()
    known = next((one for one in documents if one.name == name), None)
    stored = await passages.load_document_passages(tx, known.id) if known is not None else ()
    return {one.uid: one.added_aliases for one in stored if one.added_aliases}


def restore_aliases(document: IndexableDocument, added: Mapping[str, str]) -> IndexableDocument:
    """Return a parsed document with the aliases that were added to its last version.

    Args:
        document: as it was parsed from the file.
        added: aliases by a passage's uid; those of passages that the file lacks are dropped.
    """
    kept = tuple(replace(one, added_aliases=added.get(one.uid, "")) for one in document.passages)
    if kept == document.passages:
        return document
    index = _build_index(kept, document.title)
    return replace(document, passages=kept, search_index=base64.b64encode(index).decode("ascii"))


def _build_index(stored: Sequence[StoredPassage], title: str) -> bytes:
    """Return the stored index of a document's passages."""
    texts = (
        PassageText(
            headings=headings_of(one, title=title),
            text=one.text,
            aliases=one.all_aliases,
        )
        for one in stored
    )
    return encode_segment(build_segment(texts))
