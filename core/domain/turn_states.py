"""States of a turn, how it ends, and why a running answer is cancelled.

::

    RUNNING ──answer stored──▶ ANSWERED ──last text shown──▶ DONE
    NOTICE ───reply stored───▶ ANSWERED
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias


class TurnState(StrEnum):
    """Stage of a turn."""

    RUNNING = "running"  #: Kimi is writing the answer, or is about to be asked
    NOTICE = "notice"  #: the bot itself replies; such a turn can be neither stopped nor retried
    ANSWERED = "answered"  #: the whole text is stored; only showing it is left
    DONE = "done"


class CancelReason(StrEnum):
    """Why a running answer is ended before Kimi finished it."""

    STOP = "stop"  #: the command or the button
    NEW = "new"  #: the conversation's history was cleared
    RETRY = "retry"  #: the question is answered anew
    INTERRUPT = "interrupt"  #: a newer message, or a person who takes over, replaces the answer
    UNDELIVERABLE = "undeliverable"  #: the platform shows nothing more in this place
    LEASE_LOST = "lease_lost"  #: another worker owns the turn now


class Outcome(StrEnum):
    """How a turn ended, if not by an error of Kimi's."""

    COMPLETE = "complete"
    LENGTH_LIMIT = "length"  #: Kimi reached its length limit
    EMPTY = "empty"  #: Kimi answered without text
    STOPPED = "stopped"  #: by a person
    INTERRUPTED = "interrupted"  #: by a newer message or a person who took over
    QUESTION_TOO_LONG = "question_too_long"
    FILES_UNREADABLE = "files_unreadable"  #: the question consists of files only, and none can be read
    NO_KNOWLEDGE = "no_knowledge"  #: a chat that answers from its documents only has none on this
    PERSON_WANTED = "person_wanted"  #: Kimi understood that the customer asks for a person
    CANNED = "canned"  #: answered with a canned response
    APPROVAL = "approval"  #: a person has to decide whether tools may be called; the press goes on
    NOTICE = "notice"  #: the bot's own reply, which is no answer
    CHANNEL_CLOSED = "channel_closed"  #: cancelled because the platform shows nothing more in this place
    UNDELIVERED = "undelivered"  #: the last text could not be shown


@dataclass(frozen=True, slots=True)
class KimiFailure:
    """A turn that ended with an error of Kimi's."""

    code: str  #: of the :class:`core.kimi.KimiError`, such as "rate_limited"

    def __str__(self) -> str:
        """Return the stored form, such as "failed:rate_limited"."""
        return f"{FAILURE_PREFIX}{self.code}"


FAILURE_PREFIX: Final = "failed:"  #: of the stored form of :class:`KimiFailure`

TurnOutcome: TypeAlias = Outcome | KimiFailure
"""How a turn ended. ``str()`` returns its stored form, which is also its label in metrics."""

ANSWERED_BY_KIMI: Final[frozenset[TurnOutcome]] = frozenset({Outcome.COMPLETE, Outcome.LENGTH_LIMIT})
"""Outcomes of answers that Kimi finished."""


def parse_outcome(stored: str) -> TurnOutcome | None:
    """Return the outcome with this stored form; None for "", an unfinished turn.

    Raises:
        ValueError: no outcome has this form.
    """
    if stored.startswith(FAILURE_PREFIX):
        return KimiFailure(stored.removeprefix(FAILURE_PREFIX))
    return Outcome(stored) if stored else None


class CallPurpose(StrEnum):
    """The task that a request to Kimi served."""

    ANSWER = "answer"
    SUMMARY = "summary"  #: of a long conversation's beginning
    INTENT = "intent"  #: whether a message asks the bot something
    HANDOFF_SUMMARY = "handoff_summary"  #: of a conversation, for the people who take it over
    HANDOFF_DRAFT = "handoff_draft"  #: a reply that a person may send
    HANDOFF_QUESTION = "handoff_question"  #: an answer to a question of the team
    HEARING = "hearing"  #: words of a recording; asked of the recognizer, not of Kimi
