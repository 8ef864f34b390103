"""A document goes into a set: cut, made findable, stored in place of what had its name before."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from core.files.policy import Fault, Unusable
from core.knowledge.documents import Document, document_of
from core.knowledge.passages import Passage
from core.knowledge.ranking import HEADING
from core.knowledge.words import index_terms, terms_of
from core.store import Database, knowledge
from core.store.knowledge import Owner
from core.store.passages import Entry

CUT = "1"  #: changes when texts are cut or indexed otherwise: the same file is then taken in anew
MOST_DOCUMENTS = 500  #: of one set
MOST_NAME = 255
MOST_SET_NAME = 64  #: of a set that is named by people


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """What became of a document."""

    name: str
    passages: int
    version: int
    changed: bool  #: False where the very same was known already


async def teach(
    database: Database,
    owner: Owner,
    set_name: str,
    *,
    name: str,
    text: str,
    ending: str,
    url: str = "",
    author_id: str = "",
) -> Taught:
    """Put a document into an owner's set, which is made where it is new.

    Raises:
        Unusable: there are no words in it, it is no table of questions and answers, or the set is full.
        StoreUnavailable: nothing was stored.
    """
    name = name[:MOST_NAME]
    hash_ = hashlib.sha256("\0".join((CUT, ending, url, text)).encode()).hexdigest()
    document, entries = await asyncio.to_thread(_read, text, name, ending, url)
    async with database.begin() as tx:
        target = await knowledge.ensure(tx, owner, set_name)
        known = {one.name: one for one in await knowledge.documents(tx, target.id)}
        if name not in known and len(known) >= MOST_DOCUMENTS:
            raise Unusable(Fault.TOO_LARGE)
        stored = await knowledge.put(
            tx,
            target.id,
            name=name,
            title=document.title,
            hash_=hash_,
            entries=entries,
            author_id=author_id,
        )
    if stored is None:
        same = known[name]
        return Taught(name=name, passages=same.passages, version=same.version, changed=False)
    return Taught(name=name, passages=stored.passages, version=stored.version, changed=True)


def _read(text: str, name: str, ending: str, url: str) -> tuple[Document, Sequence[Entry]]:
    document = document_of(text, name=name, ending=ending, url=url)
    return document, [entry_of(passage) for passage in document.passages]


def entry_of(passage: Passage) -> Entry:
    """Return a passage as it is stored: with the terms that it is found by.

    The headings count more than the text; a document's title counts nothing, all its passages have it.
    """
    headings = " ".join(passage.path[1:] if passage.titled else passage.path)
    words = index_terms("\n".join([*[headings] * HEADING, passage.text, passage.also]))
    return Entry(
        uid=passage.uid,
        label=passage.label,
        heading=passage.heading,
        text=passage.text,
        url=passage.url,
        words=" ".join(words),
        length=len(terms_of(f"{headings}\n{passage.text}")),
    )
