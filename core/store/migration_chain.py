"""The chain of migrations as steps of two kinds; :mod:`migrations` tells the rule."""

from collections.abc import Sequence
from dataclasses import dataclass

from alembic.script import ScriptDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One revision."""

    revision: str
    tells: str  #: the first line of its docstring
    contract: str = ""  #: set in a contract step: the oldest revision whose code may run afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a database stands in the chain."""

    current: str  #: "" where it was never migrated
    pending: Sequence[Step]  #: what this version of the code needs and is not done yet
    contract: Sequence[Step]  #: what may be done once no older code runs
    floor: str = ""  #: the oldest revision whose code may run; "" where the tables do not tell
    newer: bool = False  #: a newer version of the code has been here


class Chain:
    """Every revision that this version of the code knows, oldest first."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self._places = {step.revision: place for place, step in enumerate(self.steps)}

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.steps[-1].revision if self.steps else ""

    @property
    def needed(self) -> str:
        """The revision that the code needs at least: the newest one that is no contract step."""
        return next((step.revision for step in reversed(self.steps) if not step.contract), "")

    def __contains__(self, revision: str) -> bool:
        return revision in self._places

    def status(self, current: str, floor: str) -> Status:
        """Say what is left to do for a database at ``current``."""
        if current and current not in self:
            return Status(current=current, pending=(), contract=(), floor=floor, newer=True)
        done = self._places[current] + 1 if current else 0
        must = max(done, self._places[self.needed] + 1)
        return Status(current=current, pending=self.steps[done:must], contract=self.steps[must:], floor=floor)

    def fits(self, status: Status) -> bool:
        """Whether this version of the code may run on such a database."""
        return status.floor in self if status.newer else not status.pending

    def floor_at(self, revision: str, first: str) -> str:
        """Return the oldest revision whose code may run then; ``first`` before any contract step."""
        done = self.steps[: self._places[revision] + 1]
        return next((step.contract for step in reversed(done) if step.contract), first)


def read_chain(scripts: ScriptDirectory) -> Chain:
    """Read the chain off the files."""
    found = [
        Step(
            revision=script.revision,
            tells=(script.doc or "").split("\n")[0],
            contract=getattr(script.module, "contract", ""),
        )
        for script in scripts.walk_revisions()
    ]
    return Chain(found[::-1])
