"""A table of questions with what should be found: read, compared, counted. Pure."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.knowledge.finder import Found
from core.knowledge.showing import cited
from core.knowledge.words import same

_QUESTION = frozenset({"question", "问题"})
_SOURCE = frozenset({"source", "sources", "expected", "来源"})
_ANSWER = frozenset({"answer", "words", "答案"})
BETWEEN = "|"  #: between several sources, any of which will do, and between words that an answer must have


class BadTable(Exception):
    """A table cannot be read; its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question."""

    question: str
    sources: tuple[str, ...]  #: headings, passages' ids or documents; none where it is about something else
    words: tuple[str, ...] = ()  #: that an answer must have


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was found for one question, and what Kimi said to it where it was asked."""

    case: Case
    found: Sequence[Found]
    answer: str | None = None

    @property
    def place(self) -> int:
        """Return at which place an expected source was found, 1 for the first; 0 where it was not."""
        places = (one.number for one in self.found if any(_is(one, source) for source in self.case.sources))
        return next(places, 0)

    @property
    def refused(self) -> bool:
        """Return whether nothing was found."""
        return not self.found

    @property
    def answered(self) -> bool:
        """Return whether Kimi's answer has every expected word."""
        said = same(self.answer or "")
        return bool(said) and all(same(word) in said for word in self.case.words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a whole table went."""

    outcomes: Sequence[Outcome] = field(default_factory=tuple)

    @property
    def about(self) -> Sequence[Outcome]:
        """Return the questions that the texts answer."""
        return [one for one in self.outcomes if one.case.sources]

    @property
    def beside(self) -> Sequence[Outcome]:
        """Return the questions that are about something else."""
        return [one for one in self.outcomes if not one.case.sources]

    @property
    def asked(self) -> Sequence[Outcome]:
        """Return those whose answer by Kimi can be judged."""
        return [one for one in self.outcomes if one.case.words and one.answer is not None]

    def hits(self, within: int) -> int:
        """Return for how many questions an expected source was among the first ``within``."""
        return sum(1 for one in self.about if 0 < one.place <= within)

    @property
    def refusals(self) -> int:
        """Return how many questions about something else found nothing."""
        return sum(1 for one in self.beside if one.refused)


def cases_of(table: str) -> Sequence[Case]:
    """Read a CSV table: question, source, perhaps answer (问题, 来源, 答案).

    Raises:
        BadTable: it has no such columns, or no questions.
    """
    rows = [row for row in csv.reader(io.StringIO(table.lstrip("\ufeff"))) if any(map(str.strip, row))]
    head = [cell.strip().casefold() for cell in rows[0]] if rows else []
    question, source = _column(head, _QUESTION), _column(head, _SOURCE)
    if question is None or source is None:
        raise BadTable("the first line must name the columns: question,source or question,source,answer")
    answer = _column(head, _ANSWER)
    cases = [
        Case(
            question=_cell(row, question),
            sources=_split(_cell(row, source)),
            words=_split(_cell(row, answer)),
        )
        for row in rows[1:]
        if _cell(row, question)
    ]
    if not cases:
        raise BadTable("there are no questions in it")
    return cases


def cited_right(outcome: Outcome) -> bool:
    """Return whether Kimi's answer cites an expected passage."""
    return any(
        _is(one, source)
        for one in cited(outcome.answer or "", outcome.found)
        for source in outcome.case.sources
    )


def _is(found: Found, source: str) -> bool:
    """Tell whether a passage is what a table calls ``source``."""
    entry, wanted = found.entry, same(source)
    return source == entry.uid or wanted in (same(entry.heading), same(entry.label), same(entry.document))


def _column(head: Sequence[str], names: frozenset[str]) -> int | None:
    return next((at for at, column in enumerate(head) if column in names), None)


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(BETWEEN) if part.strip())
