"""Indexing of a document: split into passages, indexed, stored in place of its predecessor."""

import asyncio
import hashlib
from dataclasses import dataclass

from core.domain.file_states import FileFault
from core.files.file_policy import UnusableFile
from core.knowledge.documents import Document, parse_document
from core.knowledge.passage_splitter import Passage
from core.knowledge.segment import PassageText, build_segment, encode_segment
from core.store import Database, knowledge
from core.store.knowledge import Owner
from core.store.passages import StoredPassage

#: Raise it if splitting or indexing changes; unchanged files are then indexed again.
INDEX_VERSION = "2"
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
) -> IndexedDocument:
    """Index a document in an owner's set, creating the set if necessary.

    Args:
        database: the store.
        owner: of the set.
        set_name: its name.
        name: identifies the document in the set; an older document of that name is replaced.
        text: the document's whole text.
        extension: its format, such as "md" or "csv"; see :func:`parse_document`.
        url: address at which people can read it; "" if there is none.
        author_id: the person who taught it; "" for the operator.

    Raises:
        UnusableFile: it has no words, is no table of questions and answers, or the set is full.
        StoreUnavailable: nothing was stored.
    """
    name = name[:MAX_NAME_CHARS]
    hash_ = hashlib.sha256("\0".join((INDEX_VERSION, extension, url, text)).encode()).hexdigest()
    document, index = await asyncio.to_thread(_parse, text, name, extension, url)
    async with database.begin() as tx:
        target = await knowledge.get_or_create_set(tx, owner, set_name)
        known = {one.name: one for one in await knowledge.load_documents(tx, target.id)}
        if name not in known and len(known) >= MAX_DOCUMENTS:
            raise UnusableFile(FileFault.TOO_LARGE)
        stored = await knowledge.save_document(
            tx,
            target.id,
            name=name,
            title=document.title,
            hash_=hash_,
            new_passages=[_stored(passage) for passage in document.passages],
            search_index=index,
            author_id=author_id,
        )
    if stored is None:
        same = known[name]
        return IndexedDocument(name=name, passage_count=same.passages, version=same.version, changed=False)
    return IndexedDocument(name=name, passage_count=stored.passages, version=stored.version, changed=True)


def _parse(text: str, name: str, extension: str, url: str) -> tuple[Document, bytes]:
    """Return a document and its stored index."""
    document = parse_document(text, name=name, extension=extension, url=url)
    return document, encode_segment(build_segment(map(_searchable, document.passages)))


def _searchable(passage: Passage) -> PassageText:
    """Return what a passage is found by: not its document's title, because all passages share it."""
    path = passage.path[1:] if passage.path_has_title else passage.path
    return PassageText(headings=" ".join(path), text=passage.text, aliases=passage.aliases)


def _stored(passage: Passage) -> StoredPassage:
    """Return a passage as it is stored."""
    return StoredPassage(
        uid=passage.uid, label=passage.label, heading=passage.heading, text=passage.text, url=passage.url
    )
