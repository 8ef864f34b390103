"""Parsing of documents into passages: Markdown, plain text, HTML, tables of questions and answers. Pure."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.file_states import FileFault
from core.files.file_policy import UnusableFile
from core.knowledge.html_converter import html_to_markdown
from core.knowledge.passage_splitter import Passage, Section, parse_sections, split_into_passages

HTML_EXTENSIONS = frozenset({"html", "htm"})
TABLE_EXTENSIONS = frozenset({"csv", "tsv"})
MAX_PASSAGES = 5_000  #: passages of one document

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_MATTER_URL = re.compile(
    r"^(?:url|link)[ \t]*:[ \t]*[\"']?(https?://[^\s\"']+)", re.MULTILINE | re.IGNORECASE
)
_QUESTION_COLUMNS = frozenset({"question", "questions", "q", "问题", "问", "提问"})
_ANSWER_COLUMNS = frozenset({"answer", "answers", "a", "答案", "回答", "答"})
_ALIAS_COLUMNS = frozenset({"also", "synonyms", "也问", "同义"})
_URL_COLUMNS = frozenset({"url", "link", "链接", "网址"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A parsed document."""

    title: str
    passages: Sequence[Passage]


def parse_document(text: str, *, name: str, extension: str, url: str = "") -> Document:
    """Return a document's passages.

    A table needs a header row with the columns question and answer (问题, 答案); the columns url and also
    are optional. "also" lists other words by which the row is found, like ``<!-- also: … -->`` in Markdown.

    Args:
        text: the whole text.
        name: the document's name.
        extension: "csv" and "tsv" are tables, "html" and "htm" pages, everything else Markdown.
        url: address at which people can read it; "" takes that of Markdown's front matter
            (``url: …``) or of the page's canonical link.

    Raises:
        UnusableFile: it has no words, too many passages, or is a table without the columns.
    """
    if extension in TABLE_EXTENSIONS:
        passages = _parse_table(text, name=name, url=url, delimiter="\t" if extension == "tsv" else "")
    else:
        found = ""
        if extension in HTML_EXTENSIONS:
            text, found = html_to_markdown(text)
        elif (front := _FRONT_MATTER.match(text)) is not None:
            text = text[front.end() :]
            address = _FRONT_MATTER_URL.search(front[1])
            found = address[1] if address else ""
        passages = split_into_passages(parse_sections(text), document=name, url=url or found)
    if not passages:
        raise UnusableFile(FileFault.NO_TEXT)
    if len(passages) > MAX_PASSAGES:
        raise UnusableFile(FileFault.TOO_LARGE)
    title = passages[0].path[0] if passages[0].path_has_title else name
    return Document(title=title, passages=passages)


def _parse_table(text: str, *, name: str, url: str, delimiter: str) -> Sequence[Passage]:
    head = text.partition("\n")[0]
    delimiter = delimiter or max(",;\t", key=head.count)
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(map(str.strip, row))]
    except csv.Error as exc:  # a cell of more than 131,072 characters, or a stray quote
        raise UnusableFile(FileFault.CORRUPT) from exc
    columns = [cell.strip().casefold() for cell in rows[0]] if rows else []
    question, answer = _find_column(columns, _QUESTION_COLUMNS), _find_column(columns, _ANSWER_COLUMNS)
    if question is None or answer is None:
        raise UnusableFile(FileFault.MISLABELLED)
    link, also = _find_column(columns, _URL_COLUMNS), _find_column(columns, _ALIAS_COLUMNS)
    passages: list[Passage] = []
    for row in rows[1:]:
        asked, told = _cell(row, question), _cell(row, answer)
        if asked and told:
            heading = " ".join(asked.split())
            section = Section(path=(heading,), text=told, aliases=_cell(row, also))
            passages += split_into_passages([section], document=name, url=_cell(row, link) or url)
    return passages


def _find_column(columns: Sequence[str], names: frozenset[str]) -> int | None:
    return next((at for at, column in enumerate(columns) if column in names), None)


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""
