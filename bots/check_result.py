"""One line of what ``moonthread check`` found out."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Something that was examined, and what to do where it is not as it should be.

    A "fault" keeps the service from working; a "warning" works, but perhaps not as expected.
    """

    level: Literal["ok", "warning", "fault"]
    summary: str  #: one line, without secrets
    advice: str = ""  #: what to do about it; "" where nothing needs doing
