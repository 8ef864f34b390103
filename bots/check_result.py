"""One result of ``moonthread check``."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Result of one check.

    A "fault" prevents the service from working; with a "warning" it works, perhaps not as expected.
    """

    level: Literal["ok", "warning", "fault"]
    summary: str  #: one line, without secrets
    advice: str = ""  #: what to do about it; "" if nothing
