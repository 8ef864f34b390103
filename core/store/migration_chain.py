"""The chain of migrations as revisions of two kinds; the package :mod:`migrations` explains the rule."""

from collections.abc import Sequence
from dataclasses import dataclass

from alembic.script import ScriptDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One migration."""

    revision: str  #: its id, such as "0001_initial"
    summary: str  #: first line of its docstring
    contract: str = ""  #: for a contract step: the oldest revision whose code may run afterwards; else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """A database's position in the chain."""

    current: str  #: "" if it was never migrated
    pending: Sequence[Revision]  #: steps that this version of the code needs
    contract: Sequence[Revision]  #: steps that may be taken once no older code runs
    floor: str = ""  #: the oldest revision whose code may run; "" if the tables do not say
    newer: bool = False  #: whether a newer version of the code has migrated it


class MigrationChain:
    """Every revision that this version of the code knows, oldest first."""

    def __init__(self, revisions: Sequence[Revision]) -> None:
        self.revisions = tuple(revisions)
        self._positions = {step.revision: place for place, step in enumerate(self.revisions)}

    @property
    def first(self) -> str:
        """The oldest revision: the first release's."""
        return self.revisions[0].revision

    @property
    def head(self) -> str:
        """The newest revision."""
        return self.revisions[-1].revision

    @property
    def needed(self) -> str:
        """The revision that the code needs: the newest one that is no contract step."""
        return next(step.revision for step in reversed(self.revisions) if not step.contract)

    def __contains__(self, revision: str) -> bool:
        return revision in self._positions

    def status(self, current: str, floor: str) -> MigrationStatus:
        """Return the status of a database at ``current`` on which code of revision ``floor`` may run."""
        if current and current not in self:
            return MigrationStatus(current=current, pending=(), contract=(), floor=floor, newer=True)
        done = self._positions[current] + 1 if current else 0
        needed = max(done, self._positions[self.needed] + 1)
        return MigrationStatus(
            current=current,
            pending=self.revisions[done:needed],
            contract=self.revisions[needed:],
            floor=floor,
        )

    def supports(self, status: MigrationStatus) -> bool:
        """Return whether this version of the code may run on a database with this status."""
        return status.floor in self if status.newer else not status.pending

    def floor_at(self, revision: str) -> str:
        """Return the oldest revision that may run on a database at ``revision``."""
        done = self.revisions[: self._positions[revision] + 1]
        return next((step.contract for step in reversed(done) if step.contract), self.first)


def load_chain(scripts: ScriptDirectory) -> MigrationChain:
    """Return the chain of the files in alembic's script directory."""
    found = [
        Revision(
            revision=script.revision,
            summary=(script.doc or "").split("\n")[0],
            contract=getattr(script.module, "contract", ""),
        )
        for script in scripts.walk_revisions()
    ]
    return MigrationChain(found[::-1])
