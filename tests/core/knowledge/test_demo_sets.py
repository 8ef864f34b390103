"""The two sets that ship with the demo, measured as ``moonthread knowledge eval`` does."""

from pathlib import Path

import pytest

from bots.simulator.demo import knowledge as demo
from core.knowledge.evaluation import EvaluationReport, EvaluationResult, parse_cases
from core.knowledge.finder import PassageFinder
from core.knowledge.indexing import index_document
from core.store import Database, knowledge
from core.store.knowledge import DEPLOYMENT

README = (Path(__file__).parents[3] / "core/knowledge/README.md").read_text(encoding="utf-8")
LATER = Path(__file__).parent  #: questions that were written when all texts stood


def texts_of(name: str) -> dict[str, str]:
    """Return a set's documents by their names."""
    return {path.name: path.read_text(encoding="utf-8") for path in demo.documents(name)}


def tables_of(name: str) -> tuple[str, ...]:
    """Return the shipped table of questions, and the one that came later."""
    return tuple(
        path.read_text(encoding="utf-8") for path in (demo.questions(name), LATER / f"later-{name}.csv")
    )


async def measured(database: Database, name: str, table: str) -> EvaluationReport:
    """Ask every question of a table."""
    async with database.read() as tx:
        ids = await knowledge.resolve_set_ids(tx, DEPLOYMENT, [name])
    finder = PassageFinder(database)
    return EvaluationReport(
        results=[
            EvaluationResult(case=case, passages=await finder.find(ids, case.question, floor=0.0))
            for case in parse_cases(table)
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", demo.SETS)
async def test_customers_questions_find_their_passage(database: Database, name: str) -> None:
    """Of 60 questions 95 % find their passage in the first three; of 20 others 90 % find nothing.

    The README tells the very figures.
    """
    for file, text in texts_of(name).items():
        await index_document(
            database, DEPLOYMENT, name, name=file, text=text, extension=file.rpartition(".")[2]
        )
    async with database.begin() as tx:
        taught = await knowledge.find_set(tx, DEPLOYMENT, name)
        assert taught is not None
        await knowledge.save_floor(tx, taught.id, demo.FLOORS[name])
    first, second = tables_of(name)
    report, later = await measured(database, name, first), await measured(database, name, second)

    assert taught.passages >= 40
    assert (len(report.answerable), len(report.unanswerable)) == (60, 20)
    assert report.at().in_three >= 57, [
        one.case.question for one in report.answerable if not 0 < one.rank <= 3
    ]
    assert report.at().refused >= 18, [
        one.case.question for one in report.unanswerable if not one.found_nothing
    ]
    assert later.at().in_three >= 0.9 * len(later.answerable)
    assert later.at().refused >= 0.7 * len(later.unanswerable)
    assert row(f"{name}, 60 and 20 questions", report) in README
    assert row(f"{name}, 30 and 18 written later", later) in README


def row(what: str, report: EvaluationReport) -> str:
    """Return the line of the README's table that tells how a table went."""
    about, beside = len(report.answerable), len(report.unanswerable)
    figures = report.at()
    shares = (figures.first / about, figures.in_three / about, figures.refused / beside)
    return f"| {what} | " + " | ".join(f"{round(100 * share)} %" for share in shares) + " |"
