"""The chain of migrations as steps of two kinds; :mod:`migrations` tells the rule."""

from collections.abc import Sequence
from dataclasses import dataclass

from alembic.script import ScriptDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision."""

    revision: str
    summary: str  #: the first line of its docstring
    contract: str = ""  #: set in a contract step: the oldest revision whose code may run afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """Where a database stands in the chain."""

    current: str  #: "" where it was never migrated
    pending: Sequence[Revision]  #: what this version of the code needs and is not done yet
    contract: Sequence[Revision]  #: what may be done once no older code runs
    floor: str = ""  #: the oldest revision whose code may run; "" where the tables do not tell
    newer: bool = False  #: a newer version of the code has been here


class MigrationChain:
    """Every revision that this version of the code knows, oldest first."""

    def __init__(self, revisions: Sequence[Revision]) -> None:
        self.revisions = tuple(revisions)
        self._positions = {step.revision: place for place, step in enumerate(self.revisions)}

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1].revision if self.revisions else ""

    @property
    def needed(self) -> str:
        """The revision that the code needs at least: the newest one that is no contract step."""
        return next((step.revision for step in reversed(self.revisions) if not step.contract), "")

    def __contains__(self, revision: str) -> bool:
        return revision in self._positions

    def status(self, current: str, floor: str) -> MigrationStatus:
        """Say what is left to do for a database at ``current``."""
        if current and current not in self:
            return MigrationStatus(current=current, pending=(), contract=(), floor=floor, newer=True)
        done = self._positions[current] + 1 if current else 0
        must = max(done, self._positions[self.needed] + 1)
        return MigrationStatus(
            current=current, pending=self.revisions[done:must], contract=self.revisions[must:], floor=floor
        )

    def supports(self, status: MigrationStatus) -> bool:
        """Whether this version of the code may run on such a database."""
        return status.floor in self if status.newer else not status.pending

    def floor_at(self, revision: str, default: str) -> str:
        """Return the oldest revision whose code may run then; ``first`` before any contract step."""
        done = self.revisions[: self._positions[revision] + 1]
        return next((step.contract for step in reversed(done) if step.contract), default)


def load_chain(scripts: ScriptDirectory) -> MigrationChain:
    """Read the chain off the files."""
    found = [
        Revision(
            revision=script.revision,
            summary=(script.doc or "").split("\n")[0],
            contract=getattr(script.module, "contract", ""),
        )
        for script in scripts.walk_revisions()
    ]
    return MigrationChain(found[::-1])
