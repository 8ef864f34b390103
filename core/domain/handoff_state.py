"""Who answers a conversation, the bot or a person, and what each change of that brings. Pure.

::

    bot ──ask──▶ waiting ──take, answer──▶ staff ──back──▶ bot
     └───take──────────────────────────────▲  └───close──▶ closed

A handover begins with ASK or TAKE and ends with BACK or CLOSE. What is done to an ended one changes
nothing, so that two closings are one; a customer who asks again begins a new one.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Who answers."""

    BOT = "bot"
    WAITING = "waiting"  #: for a person; the bot is silent
    STAFF = "staff"
    CLOSED = "closed"  #: solved; whatever comes next is the bot's again


class Action(StrEnum):
    """What somebody does to a handover."""

    ASK = "ask"  #: the customer or the bot asks for a person
    TAKE = "take"
    ANSWER = "answer"  #: a person writes to the customer
    BACK = "back"
    CLOSE = "close"


class Effect(StrEnum):
    """What a change brings."""

    SILENCE = "silence"  #: the running answer ends, and what waits for one is left to people
    CARD = "card"  #: the desk's card shows the new state
    TELL = "tell"  #: the customer is told what the new state means for them
    SEAL = "seal"  #: the desk's topic is closed


ACTIVE = frozenset({State.WAITING, State.STAFF})
"""The states in which people answer and the bot does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The outcome of an action."""

    before: State
    after: State
    effects: tuple[Effect, ...] = ()

    @property
    def moves(self) -> bool:
        """Whether the state is another now."""
        return self.before is not self.after


_BEGINS = (Effect.SILENCE, Effect.CARD, Effect.TELL)
_ENDS = (Effect.CARD, Effect.TELL, Effect.SEAL)

_TABLE: dict[tuple[State, Action], tuple[State, tuple[Effect, ...]]] = {
    (State.BOT, Action.ASK): (State.WAITING, _BEGINS),
    (State.BOT, Action.TAKE): (State.STAFF, _BEGINS),
    (State.WAITING, Action.ASK): (State.WAITING, (Effect.TELL,)),
    (State.WAITING, Action.TAKE): (State.STAFF, (Effect.CARD, Effect.TELL)),
    # The person's own words tell the customer enough.
    (State.WAITING, Action.ANSWER): (State.STAFF, (Effect.CARD,)),
    (State.STAFF, Action.ASK): (State.STAFF, (Effect.TELL,)),
    (State.STAFF, Action.TAKE): (State.STAFF, (Effect.CARD,)),  # by a colleague
    (State.STAFF, Action.ANSWER): (State.STAFF, ()),
    **{(state, Action.BACK): (State.BOT, _ENDS) for state in ACTIVE},
    **{(state, Action.CLOSE): (State.CLOSED, _ENDS) for state in ACTIVE},
}


def begin(action: Action) -> Change:
    """Return what ASK or TAKE does where no handover is under way."""
    after, effects = _TABLE[State.BOT, action]
    return Change(before=State.BOT, after=after, effects=effects)


def transition(state: State, action: Action) -> Change | None:
    """Return what an action does to a handover in ``state``; None where it has ended already."""
    if state not in ACTIVE:
        return None
    after, effects = _TABLE[state, action]
    return Change(before=state, after=after, effects=effects)
