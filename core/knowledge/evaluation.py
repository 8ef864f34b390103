"""Evaluation of search: a table of questions with expected sources, compared and counted. Pure."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.knowledge.finder import FoundPassage
from core.knowledge.prompt_passages import cited_passages
from core.knowledge.tokenizer import normalize

_QUESTION_COLUMNS = frozenset({"question", "问题"})
_SOURCE_COLUMNS = frozenset({"source", "sources", "expected", "来源"})
_ANSWER_COLUMNS = frozenset({"answer", "words", "答案"})
MAX_LOST_SHARE = 0.05  #: of the answerable questions, which a proposed floor may let find nothing
SEPARATOR = "|"  #: between alternative sources, and between the words that an answer must have


class InvalidCaseTable(Exception):
    """A table of cases cannot be parsed; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationCase:
    """One question with the expected result."""

    question: str
    expected_sources: tuple[str, ...]
    """Headings, passage ids or documents, any of which is right; () if nothing should be found."""
    expected_words: tuple[str, ...] = ()  #: all of which Kimi's answer must have


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationResult:
    """Passages found for one case, and Kimi's answer."""

    case: EvaluationCase
    passages: Sequence[FoundPassage]  #: best first
    answer: str | None = None  #: "" if Kimi says that the passages do not answer; None if it was not asked

    @property
    def rank(self) -> int:
        """Rank of the first expected source, from 1; 0 if none was found."""
        ranks = (
            one.number
            for one in self.passages
            if any(_matches_source(one, source) for source in self.case.expected_sources)
        )
        return next(ranks, 0)

    @property
    def best_relevance(self) -> float:
        """Relevance of the best passage; 0 if there is none."""
        return self.passages[0].relevance if self.passages else 0.0

    @property
    def found_nothing(self) -> bool:
        """Whether no passage reaches the floor of its set."""
        return all(one.relevance < one.floor for one in self.passages)

    def finds_nothing_at(self, floor: float | None) -> bool:
        """Return whether no passage reaches a floor, or that of its set if the floor is None."""
        return self.found_nothing if floor is None else self.best_relevance < floor or not self.passages

    def rank_at(self, floor: float | None) -> int:
        """Return the rank of the first expected source that reaches a floor; 0 if none does."""
        if not self.rank:
            return 0
        passage = self.passages[self.rank - 1]
        return self.rank if passage.relevance >= (passage.floor if floor is None else floor) else 0

    @property
    def has_expected_words(self) -> bool:
        """Whether Kimi's answer has every expected word."""
        said = normalize(self.answer or "")
        return bool(said) and all(normalize(word) in said for word in self.case.expected_words)


@dataclass(frozen=True, slots=True, kw_only=True)
class FloorFigures:
    """Numbers of questions at one floor."""

    floor: float | None  #: None for the sets' own
    first: int  #: answerable, with an expected source first
    in_three: int  #: answerable, with an expected source among the first three
    found_nothing: int  #: answerable, without any passage
    refused: int  #: unanswerable, without any passage


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationReport:
    """Results of a whole table."""

    results: Sequence[EvaluationResult] = field(default_factory=tuple)

    @property
    def model(self) -> str:
        """Name of the embedding model that all searches used; "" if one of them used words alone."""
        models = {found.model for one in self.results for found in one.passages[:1]}
        return models.pop() if len(models) == 1 else ""

    @property
    def answerable(self) -> Sequence[EvaluationResult]:
        """Results of the questions that the documents answer."""
        return [one for one in self.results if one.case.expected_sources]

    @property
    def unanswerable(self) -> Sequence[EvaluationResult]:
        """Results of the questions that should find nothing."""
        return [one for one in self.results if not one.case.expected_sources]

    @property
    def gradable(self) -> Sequence[EvaluationResult]:
        """Results with an answer by Kimi and words to look for in it."""
        return [one for one in self.results if one.case.expected_words and one.answer is not None]

    @property
    def judged(self) -> Sequence[EvaluationResult]:
        """Results of the questions that should find nothing, if Kimi was asked."""
        was_asked = any(one.answer is not None for one in self.results)
        return self.unanswerable if was_asked else []

    def at(self, floor: float | None = None) -> FloorFigures:
        """Return the figures at a floor, or at the sets' own floors if it is None."""
        return FloorFigures(
            floor=floor,
            first=sum(1 for one in self.answerable if one.rank_at(floor) == 1),
            in_three=sum(1 for one in self.answerable if 0 < one.rank_at(floor) <= 3),
            found_nothing=sum(1 for one in self.answerable if one.finds_nothing_at(floor)),
            refused=sum(1 for one in self.unanswerable if one.finds_nothing_at(floor)),
        )

    def propose_floor(self) -> float:
        """Return the highest floor at which at most 5 % of the answerable questions find nothing."""
        relevances = sorted(one.best_relevance for one in self.answerable)
        if not relevances:
            return 0.0
        lowest_kept = relevances[int(MAX_LOST_SHARE * len(relevances))]
        return math.floor(lowest_kept * 100) / 100


def parse_cases(table: str) -> Sequence[EvaluationCase]:
    """Parse a CSV table with the columns question, source and optionally answer (问题, 来源, 答案).

    Raises:
        InvalidCaseTable: it has no such columns, or no questions.
    """
    rows = [row for row in csv.reader(io.StringIO(table.lstrip("\ufeff"))) if any(map(str.strip, row))]
    head = [cell.strip().casefold() for cell in rows[0]] if rows else []
    question, source = _find_column(head, _QUESTION_COLUMNS), _find_column(head, _SOURCE_COLUMNS)
    if question is None or source is None:
        raise InvalidCaseTable(
            "the first line must name the columns: question,source or question,source,answer"
        )
    answer = _find_column(head, _ANSWER_COLUMNS)
    cases = [
        EvaluationCase(
            question=_cell(row, question),
            expected_sources=_split_cell(_cell(row, source)),
            expected_words=_split_cell(_cell(row, answer)),
        )
        for row in rows[1:]
        if _cell(row, question)
    ]
    if not cases:
        raise InvalidCaseTable("there are no questions in it")
    return cases


def cites_expected_source(result: EvaluationResult) -> bool:
    """Return whether Kimi's answer cites an expected passage."""
    return any(
        _matches_source(one, source)
        for one in cited_passages(result.answer or "", result.passages)
        for source in result.case.expected_sources
    )


def _matches_source(passage: FoundPassage, source: str) -> bool:
    """Return whether a table's ``source`` names this passage: its id, heading, path or document."""
    entry, normalized = passage.entry, normalize(source)
    return source == entry.uid or normalized in (
        normalize(entry.heading),
        normalize(entry.label),
        normalize(entry.document),
    )


def _find_column(header: Sequence[str], names: frozenset[str]) -> int | None:
    return next((at for at, column in enumerate(header) if column in names), None)


def _cell(row: Sequence[str], column: int | None) -> str:
    return row[column].strip() if column is not None and column < len(row) else ""


def _split_cell(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(SEPARATOR) if part.strip())
