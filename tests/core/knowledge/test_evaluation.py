"""Tables of questions, and the figures of an evaluation."""

from dataclasses import replace

import pytest

from core.domain.stored_passage import StoredPassage
from core.knowledge.evaluation import (
    EvaluationCase,
    EvaluationReport,
    EvaluationResult,
    FloorFigures,
    InvalidCaseTable,
    cites_expected_source,
    parse_cases,
)
from core.knowledge.finder import FoundPassage


def found(number: int, heading: str) -> FoundPassage:
    """Return a search result."""
    entry = StoredPassage(
        uid=f"uid{number}",
        label=f"Shop › {heading}",
        heading=heading,
        text="…",
        url="",
        document="shop.md",
    )
    return FoundPassage(number=number, entry=entry, relevance=1.0)


@pytest.mark.parametrize(
    "head", ["question,source,answer", "问题,来源,答案", "\ufeffQuestion, Expected ,Words"]
)
def test_a_table_is_read_under_any_of_its_headings(head: str) -> None:
    """Operators write tables in Chinese or English, and Excel puts a byte order mark before them."""
    assert parse_cases(f"{head}\nOpen?,Hours|hours.md,ten | 10\n,ignored,\nFootball?,,") == [
        EvaluationCase(
            question="Open?", expected_sources=("Hours", "hours.md"), expected_words=("ten", "10")
        ),
        EvaluationCase(question="Football?", expected_sources=()),
    ]


@pytest.mark.parametrize("table", ["", "question\nOpen?", "question,source\n,Hours"])
def test_a_table_without_questions_or_columns_is_refused(table: str) -> None:
    """The operator learns at once that nothing would be measured."""
    with pytest.raises(InvalidCaseTable):
        parse_cases(table)


@pytest.mark.parametrize("source", ["Hours", "HOURS!", "shop › hours", "shop.md", "uid2"])
def test_a_source_is_named_by_heading_path_document_or_id(source: str) -> None:
    """The rank is that of the first result which any of the expected sources names."""
    case = EvaluationCase(question="Open?", expected_sources=("nothing", source))
    first = found(1, "Returns") if source != "shop.md" else found(1, "Hours")
    result = EvaluationResult(case=case, passages=[first, found(2, "Hours")])
    assert result.rank == (1 if source == "shop.md" else 2)


def test_figures_count_hits_and_refusals_apart() -> None:
    """A question about something else is right if it finds nothing, all others if they find their source."""
    hours = EvaluationCase(question="Open?", expected_sources=("Hours",), expected_words=("ten",))
    other = EvaluationCase(question="Football?", expected_sources=())
    report = EvaluationReport(
        results=[
            EvaluationResult(case=hours, passages=[found(1, "Hours")], answer="At TEN o'clock [1]."),
            EvaluationResult(case=hours, passages=[found(1, "Returns"), found(2, "Hours")], answer="[1]"),
            EvaluationResult(case=hours, passages=[]),
            EvaluationResult(case=other, passages=[]),
            EvaluationResult(case=other, passages=[found(1, "Hours")]),
        ]
    )
    assert (len(report.answerable), len(report.unanswerable), len(report.gradable)) == (3, 2, 2)
    assert report.at() == FloorFigures(floor=None, first=1, in_three=2, found_nothing=1, refused=1)
    assert [one.has_expected_words for one in report.gradable] == [True, False]
    assert [cites_expected_source(one) for one in report.gradable] == [True, False]


def test_the_proposed_floor_loses_at_most_one_answerable_question_in_twenty() -> None:
    """The floor is just under the relevance that 95 % of the answerable questions reach."""
    case = EvaluationCase(question="Open?", expected_sources=("Hours",))
    other = EvaluationCase(question="Football?", expected_sources=())
    results = [
        EvaluationResult(case=case, passages=[replace(found(1, "Hours"), relevance=0.1 + number / 20)])
        for number in range(20)
    ]
    off_topic = [
        EvaluationResult(case=other, passages=[replace(found(1, "Hours"), relevance=share)])
        for share in (0.05, 0.3)
    ]
    report = EvaluationReport(results=[*results, *off_topic])
    assert report.propose_floor() == 0.15
    figures = report.at(report.propose_floor())
    assert (figures.first, figures.found_nothing, figures.refused) == (19, 1, 1)
    assert EvaluationReport().propose_floor() == 0.0
