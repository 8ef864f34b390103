"""Runs of ``moonthread knowledge eval``, so that operators see how retrieval changes over time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select

from core.store import schema
from core.store.database import Transaction

_E = schema.knowledge_evaluations


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRun:
    """Figures of one run, at the floors that the sets had."""

    at: datetime
    sets: str  #: names, with commas between
    model: str  #: of the vectors; "" for words alone
    answerable: int  #: questions that the documents answer
    first: int  #: of these, with an expected source first
    in_three: int  #: of these, with one among the first three
    found_nothing: int  #: of these, without any passage
    unanswerable: int
    refused: int  #: of these, without any passage

    @property
    def in_three_percent(self) -> float | None:
        """Share of the answerable questions whose source is among the first three; None without any."""
        return round(100 * self.in_three / self.answerable) if self.answerable else None

    @property
    def refused_percent(self) -> float | None:
        """Share of the unanswerable questions that find nothing; None without any."""
        return round(100 * self.refused / self.unanswerable) if self.unanswerable else None


async def save(tx: Transaction, run: EvaluationRun) -> None:
    """Store a run."""
    values = asdict(run) | {"sets": run.sets[:255], "model": run.model[:160]}
    await tx.execute(insert(_E).values(values))


async def load_latest(tx: Transaction, *, limit: int) -> Sequence[EvaluationRun]:
    """Return the latest runs, oldest first."""
    rows = (await tx.execute(select(_E).order_by(_E.c.id.desc()).limit(limit))).mappings().all()
    return [
        EvaluationRun(**{name: value for name, value in row.items() if name != "id"})
        for row in reversed(rows)
    ]
