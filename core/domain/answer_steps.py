"""What an answer rests on: passages of knowledge and calls of tools. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class ToolCallOutcome(StrEnum):
    """How one call of a tool ended."""

    DONE = "done"
    FAILED = "failed"  #: the tool could not do it, as the model was told
    TIMED_OUT = "timed_out"
    REFUSED = "refused"  #: not run: unknown tool, arguments that are no JSON, too many calls at once


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallReport:
    """One call of a tool by the model; its arguments, which may repeat people's words, are not kept."""

    name: str
    outcome: ToolCallOutcome
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedPassage:
    """One passage that the prompt of an answer showed."""

    number: int  #: by which the prompt and the answer name it
    document: str  #: as it was called at the time
    label: str  #: its headings
    relevance: float
    is_cited: bool  #: the answer names its number
