"""The two sets that ship with the demo, measured as ``moonthread knowledge eval`` does."""

import pytest

from bots.simulator.demo import knowledge as demo
from core.knowledge.evaluation import Outcome, Report, cases_of
from core.knowledge.finder import find
from core.knowledge.teaching import teach
from core.store import Database, knowledge
from core.store.knowledge import DEPLOYMENT


@pytest.fixture
async def taught(database: Database) -> Database:
    """A database in which both teams' documents are known."""
    for name in demo.SETS:
        for path in demo.documents(name):
            text, ending = path.read_text(encoding="utf-8"), path.suffix[1:]
            await teach(database, DEPLOYMENT, name, name=path.name, text=text, ending=ending)
    return database


async def measured(database: Database, name: str, table: str) -> Report:
    """Ask every question of a table."""
    async with database.read() as tx:
        ids = await knowledge.visible(tx, DEPLOYMENT, [name])
        return Report(
            outcomes=[
                Outcome(case=case, found=await find(tx, ids, case.question)) for case in cases_of(table)
            ]
        )


@pytest.mark.parametrize("name", demo.SETS)
async def test_the_right_passage_is_among_the_first_three(taught: Database, name: str) -> None:
    """Of 60 customers' questions 95 % find their passage, and of 20 others 90 % find nothing."""
    report = await measured(taught, name, demo.questions(name).read_text(encoding="utf-8"))

    assert (len(report.about), len(report.beside)) == (60, 20)
    assert report.hits(3) >= 57, [one.case.question for one in report.about if not 0 < one.place <= 3]
    assert report.refusals >= 18, [one.case.question for one in report.beside if not one.refused]


@pytest.mark.parametrize("name", demo.SETS)
async def test_each_set_has_forty_passages(taught: Database, name: str) -> None:
    """Both sets hold at least 40 passages."""
    async with taught.read() as tx:
        found = await knowledge.owned(tx, DEPLOYMENT, name)

    assert found is not None
    assert found.passages >= 40
