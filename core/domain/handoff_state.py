"""States of a handoff, and the effects of each change of state. Pure.

::

    bot ──ask──▶ waiting ──take, answer──▶ staff ──back──▶ bot
     └───take──────────────────────────────▲  └───close──▶ closed

A handoff begins with REQUEST or ASSIGN and ends with RETURN_TO_BOT or CLOSE. An action on an ended one
changes nothing, so that closing twice is closing once; a customer who asks again begins a new one. The
diagram shows the actions' stored values.
"""

from dataclasses import dataclass
from enum import StrEnum


class HandoffState(StrEnum):
    """Who answers."""

    BOT = "bot"
    WAITING = "waiting"  #: for a person; the bot is silent
    STAFF = "staff"
    CLOSED = "closed"  #: solved; whatever comes next is the bot's again


class HandoffReason(StrEnum):
    """Why a handoff began."""

    CUSTOMER = "customer"  #: the customer used the command or the button
    PHRASE = "phrase"  #: the customer's message asks for a person
    KEYWORD = "keyword"  #: the customer's message holds a keyword of the chat's rules
    NO_KNOWLEDGE = "no_knowledge"  #: the chat's documents have no answer
    BAD_FEEDBACK = "bad_feedback"  #: the customer marked an answer as bad
    REPEATED_QUESTION = "repeated_question"  #: the customer asked the same again
    STAFF = "staff"  #: a member of the team took over unasked


class HandoffAction(StrEnum):
    """An action on a handoff."""

    REQUEST = "ask"  #: the customer or the bot asks for a person
    ASSIGN = "take"
    REPLY = "answer"  #: a person writes to the customer
    RETURN_TO_BOT = "back"
    CLOSE = "close"


class HandoffEffect(StrEnum):
    """An effect of a change of state."""

    SILENCE_BOT = "silence"  #: the running answer ends, and what waits for one is left to people
    UPDATE_TICKET = "card"  #: the desk's card shows the new state
    NOTIFY_CUSTOMER = "tell"  #: the customer is told what the new state means for them
    CLOSE_TOPIC = "seal"  #: the desk's topic is closed


class OutboxKind(StrEnum):
    """What a row of the handoff's outbox does."""

    TEXT = "text"  #: send a message, of a person or of the bot
    FILE = "file"  #: send a file of a person, or copy their whole message, without its caption
    EDIT = "edit"  #: edit the message of an earlier row
    DELETE = "delete"  #: delete the message of an earlier row
    REACTION = "reaction"  #: put an emoji on a person's message, or take it away
    TICKET = "ticket"  #: open the handoff's topic and ticket, or update the ticket
    CLOSE_TOPIC = "close_topic"
    SUMMARY = "summary"  #: let Kimi summarize the conversation into the ticket
    DRAFT = "draft"  #: let Kimi suggest a reply
    QUESTION = "question"  #: let Kimi answer a question of the team, which only the team sees
    TRANSCRIPT = "transcript"  #: hear the recordings of a relayed message, and show the team their words


class OutboxSide(StrEnum):
    """The side of a handoff that sees a message."""

    CUSTOMER = "customer"
    DESK = "desk"  #: the team's room


class OutboxState(StrEnum):
    """Stage of a row of the handoff's outbox."""

    OPEN = "open"  #: to be sent
    DONE = "done"
    FAILED = "failed"  #: could not be sent, and is not tried again
    CANCELLED = "cancelled"  #: taken back before it was sent


ACTIVE = frozenset({HandoffState.WAITING, HandoffState.STAFF})
"""The states in which people answer and the bot does not."""

ASSIGNING = frozenset({HandoffAction.ASSIGN, HandoffAction.REPLY})
"""The actions whose author becomes the assignee."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffTransition:
    """The outcome of an action."""

    before: HandoffState
    after: HandoffState
    effects: tuple[HandoffEffect, ...] = ()

    @property
    def changes_state(self) -> bool:
        """Whether the state is another now."""
        return self.before is not self.after


# The customer is told first: the desk may be slow, with many tickets at once.
_START_EFFECTS = (HandoffEffect.SILENCE_BOT, HandoffEffect.NOTIFY_CUSTOMER, HandoffEffect.UPDATE_TICKET)
_END_EFFECTS = (HandoffEffect.NOTIFY_CUSTOMER, HandoffEffect.UPDATE_TICKET, HandoffEffect.CLOSE_TOPIC)

_TRANSITIONS: dict[tuple[HandoffState, HandoffAction], tuple[HandoffState, tuple[HandoffEffect, ...]]] = {
    (HandoffState.BOT, HandoffAction.REQUEST): (HandoffState.WAITING, _START_EFFECTS),
    (HandoffState.BOT, HandoffAction.ASSIGN): (HandoffState.STAFF, _START_EFFECTS),
    (HandoffState.WAITING, HandoffAction.REQUEST): (HandoffState.WAITING, (HandoffEffect.NOTIFY_CUSTOMER,)),
    (HandoffState.WAITING, HandoffAction.ASSIGN): (
        HandoffState.STAFF,
        (HandoffEffect.NOTIFY_CUSTOMER, HandoffEffect.UPDATE_TICKET),
    ),
    # The person's own words tell the customer enough.
    (HandoffState.WAITING, HandoffAction.REPLY): (HandoffState.STAFF, (HandoffEffect.UPDATE_TICKET,)),
    (HandoffState.STAFF, HandoffAction.REQUEST): (HandoffState.STAFF, (HandoffEffect.NOTIFY_CUSTOMER,)),
    (HandoffState.STAFF, HandoffAction.ASSIGN): (
        HandoffState.STAFF,
        (HandoffEffect.UPDATE_TICKET,),
    ),  # by a colleague
    (HandoffState.STAFF, HandoffAction.REPLY): (
        HandoffState.STAFF,
        (HandoffEffect.UPDATE_TICKET,),
    ),  # by a colleague, who has it then
    **{(state, HandoffAction.RETURN_TO_BOT): (HandoffState.BOT, _END_EFFECTS) for state in ACTIVE},
    **{(state, HandoffAction.CLOSE): (HandoffState.CLOSED, _END_EFFECTS) for state in ACTIVE},
}


def initial_transition(action: HandoffAction) -> HandoffTransition:
    """Return what REQUEST or ASSIGN does if no handoff is active."""
    after, effects = _TRANSITIONS[HandoffState.BOT, action]
    return HandoffTransition(before=HandoffState.BOT, after=after, effects=effects)


def transition(state: HandoffState, action: HandoffAction) -> HandoffTransition | None:
    """Return what an action does to a handoff in ``state``; None if it has ended."""
    if state not in ACTIVE:
        return None
    after, effects = _TRANSITIONS[state, action]
    return HandoffTransition(before=state, after=after, effects=effects)
