"""Approval of tool calls by a person: question, decision and results."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ToolDecision(StrEnum):
    """A person's decision about the calls that an answer asks for."""

    APPROVE = "yes"
    ALWAYS = "always"  #: also for later calls of these tools in this conversation
    DENY = "no"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalCall:
    """One call that waits for a decision, exactly as it will be made."""

    id: str
    name: str
    arguments: str  #: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolApproval:
    """The question that an answer ends with, and how far its answer has come.

    A turn that asks stores it without a decision; the turn that goes on with it carries the decision.
    """

    text: str  #: the answer up to the question
    transcript: str  #: rounds of calls before the decision, as :mod:`core.tools.transcripts` writes them
    calls: tuple[ApprovalCall, ...]
    expires_at: datetime
    sources: tuple[tuple[str, str], ...] = ()  #: (URL, title) of the pages that the rounds so far found
    decision: ToolDecision | None = None
    decided_by: str = ""  #: name of the person who decided
    expired: bool = False  #: the press came too late
    is_started: bool = False  #: the calls may have been made
    results: tuple[str, ...] | None = None  #: of the calls, in their order; None until they have ended
