"""Files of text become passages: Markdown, plain text, HTML, and tables of questions and answers. Pure."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.files.policy import Fault, Unusable
from core.knowledge.hypertext import markdown_of
from core.knowledge.passages import Passage, Section, cut, sections_of

HTML = frozenset({"html", "htm"})
TABLES = frozenset({"csv", "tsv"})
MOST_PASSAGES = 5_000  #: of one document

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_ADDRESS = re.compile(r"^(?:url|link)[ \t]*:[ \t]*[\"']?(https?://[^\s\"']+)", re.MULTILINE | re.IGNORECASE)
_QUESTION = frozenset({"question", "questions", "q", "问题", "问", "提问"})
_ANSWER = frozenset({"answer", "answers", "a", "答案", "回答", "答"})
_ALSO = frozenset({"also", "synonyms", "也问", "同义"})
_LINK = frozenset({"url", "link", "链接", "网址"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text, cut."""

    title: str
    passages: Sequence[Passage]


def document_of(text: str, *, name: str, ending: str, url: str = "") -> Document:
    """Return a file's passages; ``ending`` says what the text is, ``url`` where people can read it.

    Markdown's front matter (``url: …``) and a page's canonical link tell the address where ``url``
    does not. A table has a line of headings: question, answer (问题, 答案), perhaps url and also: other
    words that it is found by, as in Markdown ``<!-- also: … -->``.

    Raises:
        Unusable: there are no words in it, or too many.
    """
    if ending in TABLES:
        passages = _from_table(text, name=name, url=url, delimiter="\t" if ending == "tsv" else "")
    else:
        found = ""
        if ending in HTML:
            text, found = markdown_of(text)
        elif (front := _FRONT.match(text)) is not None:
            text = text[front.end() :]
            address = _ADDRESS.search(front[1])
            found = address[1] if address else ""
        passages = cut(sections_of(text), document=name, url=url or found)
    if not passages:
        raise Unusable(Fault.NO_TEXT)
    if len(passages) > MOST_PASSAGES:
        raise Unusable(Fault.TOO_LARGE)
    title = passages[0].path[0] if passages[0].titled else name
    return Document(title=title, passages=passages)


def _from_table(text: str, *, name: str, url: str, delimiter: str) -> Sequence[Passage]:
    head = text.partition("\n")[0]
    delimiter = delimiter or max(",;\t", key=head.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(map(str.strip, row))]
    columns = [cell.strip().casefold() for cell in rows[0]] if rows else []
    question, answer = _column(columns, _QUESTION), _column(columns, _ANSWER)
    if question is None or answer is None:
        raise Unusable(Fault.MISLABELLED)
    link, also = _column(columns, _LINK), _column(columns, _ALSO)
    passages: list[Passage] = []
    for row in rows[1:]:
        asked, told = _cell(row, question), _cell(row, answer)
        if asked and told:
            heading = " ".join(asked.split())
            section = Section(path=(heading,), text=told, also=_cell(row, also))
            passages += cut([section], document=name, url=_cell(row, link) or url)
    return passages


def _column(columns: Sequence[str], names: frozenset[str]) -> int | None:
    return next((at for at, column in enumerate(columns) if column in names), None)


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""
