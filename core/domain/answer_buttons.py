"""Buttons of an answer by its outcome."""

from typing import assert_never

from core.domain.buttons import ActionButton
from core.domain.turn_states import KimiFailure, Outcome, TurnOutcome


def buttons_for(outcome: TurnOutcome) -> tuple[ActionButton, ...]:
    """Return the buttons of an answer with this outcome."""
    match outcome:
        case Outcome.COMPLETE | Outcome.CANNED:
            return (ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD)
        case Outcome.LENGTH_LIMIT:
            return (ActionButton.CONTINUE, ActionButton.RETRY, ActionButton.GOOD, ActionButton.BAD)
        case (
            Outcome.NOTICE
            | Outcome.NO_KNOWLEDGE
            | Outcome.PERSON_WANTED
            | Outcome.QUESTION_TOO_LONG
            | Outcome.INTERRUPTED
            | Outcome.CHANNEL_CLOSED
            | Outcome.APPROVAL
        ):
            return ()
        case Outcome.EMPTY | Outcome.STOPPED | Outcome.FILES_UNREADABLE | Outcome.UNDELIVERED | KimiFailure():
            return (ActionButton.RETRY,)
        case _:
            assert_never(outcome)
