"""A document goes into a set: cut, made findable, stored in place of what had its name before."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.files.file_policy import FileFault, UnusableFile
from core.knowledge.documents import Document, parse_document
from core.knowledge.passage_splitter import Passage
from core.knowledge.ranking import HEADING_REPEATS
from core.knowledge.tokenizer import index_terms, tokenize
from core.store import Database, knowledge
from core.store.knowledge import Owner
from core.store.passages import StoredPassage

INDEX_VERSION = "1"  #: changes when texts are cut or indexed otherwise: the same file is then taken in anew
MAX_DOCUMENTS = 500  #: of one set
MAX_NAME_CHARS = 255
MAX_SET_NAME_CHARS = 64  #: of a set that is named by people


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDocument:
    """What became of a document."""

    name: str
    passage_count: int
    version: int
    changed: bool  #: False where the very same was known already


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
    """Put a document into an owner's set, which is made where it is new.

    Raises:
        Unusable: there are no words in it, it is no table of questions and answers, or the set is full.
        StoreUnavailable: nothing was stored.
    """
    name = name[:MAX_NAME_CHARS]
    hash_ = hashlib.sha256("\0".join((INDEX_VERSION, extension, url, text)).encode()).hexdigest()
    document, entries = await asyncio.to_thread(_parse, text, name, extension, url)
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
            new_passages=entries,
            author_id=author_id,
        )
    if stored is None:
        same = known[name]
        return IndexedDocument(name=name, passage_count=same.passages, version=same.version, changed=False)
    return IndexedDocument(name=name, passage_count=stored.passages, version=stored.version, changed=True)


def _parse(text: str, name: str, extension: str, url: str) -> tuple[Document, Sequence[StoredPassage]]:
    document = parse_document(text, name=name, extension=extension, url=url)
    return document, [build_entry(passage) for passage in document.passages]


def build_entry(passage: Passage) -> StoredPassage:
    """Return a passage as it is stored: with the terms that it is found by.

    The headings count more than the text; a document's title counts nothing, all its passages have it.
    """
    headings = " ".join(passage.path[1:] if passage.path_has_title else passage.path)
    words = index_terms("\n".join([*[headings] * HEADING_REPEATS, passage.text, passage.aliases]))
    return StoredPassage(
        uid=passage.uid,
        label=passage.label,
        heading=passage.heading,
        text=passage.text,
        url=passage.url,
        words=" ".join(words),
        length=len(tokenize(f"{headings}\n{passage.text}")),
    )
