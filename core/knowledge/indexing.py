"""Indexing of a document: split into passages, indexed, stored in place of its predecessor."""

import asyncio
import base64
import hashlib
from dataclasses import dataclass

from core.domain.file_states import FileFault
from core.files.file_policy import UnusableFile
from core.files.file_worker import FileWorker
from core.knowledge.added_aliases import load_added_aliases, restore_aliases
from core.knowledge.document_job import IndexableDocument, parse_for_index
from core.store import Database, knowledge
from core.store.knowledge import Owner, StoredDocument

#: Raise it if splitting or indexing changes; unchanged files are then indexed again.
INDEX_VERSION = "3"
MAX_DOCUMENTS = 500  #: documents of one set
MAX_NAME_CHARS = 255
MAX_SET_NAME_CHARS = 64  #: characters of a set's name as people enter it


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDocument:
    """Result of indexing one document."""

    name: str
    passage_count: int
    version: int  #: 1 for a new name, raised with each change
    changed: bool  #: False if the set had the same text already


async def index_document(
    database: Database,
    owner: Owner,
    set_name: str,
    *,
    name: str,
    text: str,
    extension: str,
    url: str = "",
    author_id: str = "",
    worker: FileWorker | None = None,
) -> IndexedDocument:
    """Index a document in an owner's set, creating the set if necessary.

    Args:
        database: the store.
        owner: of the set.
        set_name: the set's name.
        name: identifies the document in the set; an older document of that name is replaced.
        text: the document's whole text.
        extension: its format, such as "md" or "csv"; see :func:`parse_document`.
        url: address at which people can read it; "" if there is none.
        author_id: the person who taught it; "" for the operator.
        worker: parses it in a process with limits; None parses it here, for files of the operator.

    Raises:
        UnusableFile: it has no words, is no table of questions and answers, or the set is full.
        StoreUnavailable: nothing was stored.
    """
    name = name[:MAX_NAME_CHARS]
    parsed = await _parse(worker, text, name, extension, url)
    async with database.read() as tx:
        added = await load_added_aliases(tx, owner, set_name, name)
    document = await asyncio.to_thread(restore_aliases, parsed, added)
    async with database.begin() as tx:
        target = await knowledge.get_or_create_set(tx, owner, set_name)
        known = {one.name: one for one in await knowledge.load_documents(tx, target.id)}
        if len(known) >= MAX_DOCUMENTS and name not in known:
            raise UnusableFile(FileFault.TOO_LARGE)
        stored = await knowledge.save_document(
            tx,
            target.id,
            name=name,
            title=document.title,
            hash_=_hash_of(extension, url, text),
            new_passages=document.passages,
            search_index=base64.b64decode(document.search_index),
            author_id=author_id,
        )
    return _indexed(stored or known[name], changed=stored is not None)


def _indexed(stored: StoredDocument, *, changed: bool) -> IndexedDocument:
    return IndexedDocument(
        name=stored.name, passage_count=stored.passages, version=stored.version, changed=changed
    )


def _hash_of(extension: str, url: str, text: str) -> str:
    return hashlib.sha256("\0".join((INDEX_VERSION, extension, url, text)).encode()).hexdigest()


async def _parse(
    worker: FileWorker | None, text: str, name: str, extension: str, url: str
) -> IndexableDocument:
    if worker is not None:
        return await worker.run(parse_for_index, text, name, extension, url)
    parsed = await asyncio.to_thread(parse_for_index, text, name, extension, url)
    if isinstance(parsed, FileFault):
        raise UnusableFile(parsed)
    return parsed
