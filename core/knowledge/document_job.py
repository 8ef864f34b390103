"""Parsing of a document into passages and their index, as a function for worker processes."""

import base64
from dataclasses import dataclass

from core.domain.file_states import FileFault
from core.domain.stored_passage import StoredPassage
from core.files.file_policy import UnusableFile
from core.knowledge.documents import parse_document
from core.knowledge.passage_splitter import Passage
from core.knowledge.segment import PassageText, build_segment, encode_segment


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexableDocument:
    """A parsed document, ready to be stored."""

    title: str
    passages: tuple[StoredPassage, ...]
    search_index: str  #: the encoded segment in Base64: a worker's reply is JSON


def parse_for_index(text: str, name: str, extension: str, url: str) -> IndexableDocument | FileFault:
    """Return a document's passages and index, or why it has none; see :func:`parse_document`."""
    try:
        document = parse_document(text, name=name, extension=extension, url=url)
    except UnusableFile as exc:
        return exc.fault
    segment = encode_segment(build_segment(map(_searchable, document.passages)))
    return IndexableDocument(
        title=document.title,
        passages=tuple(_stored(passage) for passage in document.passages),
        search_index=base64.b64encode(segment).decode("ascii"),
    )


def _searchable(passage: Passage) -> PassageText:
    """Return what a passage is found by: not its document's title, because all passages share it."""
    path = passage.path[1:] if passage.path_has_title else passage.path
    return PassageText(headings=" ".join(path), text=passage.text, aliases=passage.aliases)


def _stored(passage: Passage) -> StoredPassage:
    """Return a passage as it is stored."""
    return StoredPassage(
        uid=passage.uid,
        label=passage.label,
        heading=passage.heading,
        text=passage.text,
        url=passage.url,
        aliases=passage.aliases,
    )
