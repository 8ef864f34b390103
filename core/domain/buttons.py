"""Buttons under the bot's messages: one type for each action, and the codec of a button's data.

A platform stores the data with the button and sends it back with a press. People can forge it with a changed
client, so :func:`parse_button_data` accepts only what :func:`encode_button` can have written, and a handler
checks that the person may do it.

=======================  =========================
action                   data
=======================  =========================
:class:`ActionButton`    ``stop``, ``retry``, …
:class:`RunCommand`      ``run:model:kimi-k3``
:class:`ConfirmForget`   ``forget:yes:U123``
:class:`RequestHuman`    ``human``
:class:`ChangeHandoff`   ``handoff:take:12``
:class:`SuggestReply`    ``suggest:12``
:class:`SendDraft`       ``send:34``
:class:`RateHandoff`     ``rate:5:12``
:class:`DecideTools`     ``tool:yes:78``
:class:`CommentRating`   ``comment:12``
=======================  =========================
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from core.domain.command_names import CommandName
from core.domain.handoff_state import HandoffAction
from core.domain.tool_approval import ToolDecision

MAX_DATA_BYTES: Final = 64  #: of one button: https://core.telegram.org/bots/api#inlinekeyboardbutton
RATINGS: Final = range(1, 6)  #: stars that a customer may give
_ID = re.compile(r"[0-9]{1,18}")  #: a row id, which fits into 64 bits


class ActionButton(StrEnum):
    """A button under an answer; each platform adapter knows its label."""

    STOP = "stop"
    RETRY = "retry"
    CONTINUE = "more"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommand:
    """Run a command with an argument that a person could type as well."""

    command: CommandName
    argument: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmForget:
    """Answer the question whether to delete everything of a person; only that person's press counts."""

    person_id: str
    confirmed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestHuman:
    """Ask for a person of the team."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeHandoff:
    """Assign a handoff to the person who presses, return it to the bot, or close it."""

    handoff_id: int
    action: HandoffAction  #: one of :data:`HANDOFF_BUTTON_ACTIONS`


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestReply:
    """Let Kimi draft a reply to the customer of a handoff."""

    handoff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDraft:
    """Send a drafted reply to the customer."""

    item_id: int  #: outbox row that holds the draft


@dataclass(frozen=True, slots=True, kw_only=True)
class RateHandoff:
    """Rate the help that the team gave."""

    handoff_id: int
    stars: int  #: one of :data:`RATINGS`


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentRating:
    """Let the customer's next message be a comment on their rating."""

    handoff_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecideTools:
    """Decide whether the tools that an answer asks for may be called."""

    turn_id: int  #: of the answer, which stores the calls
    decision: ToolDecision


OptionAction: TypeAlias = (
    RunCommand
    | ConfirmForget
    | RequestHuman
    | ChangeHandoff
    | SuggestReply
    | SendDraft
    | RateHandoff
    | CommentRating
    | DecideTools
)
ButtonAction: TypeAlias = ActionButton | OptionAction

HANDOFF_BUTTON_ACTIONS: Final = (HandoffAction.ASSIGN, HandoffAction.RETURN_TO_BOT, HandoffAction.CLOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionButton:
    """A button that offers one of several options."""

    label: str  #: in the person's language, short
    action: OptionAction


Button: TypeAlias = ActionButton | OptionButton


def fits_button(action: OptionAction) -> bool:
    """Return whether every platform's buttons can carry an action."""
    return len(encode_button(action).encode()) <= MAX_DATA_BYTES


def encode_button(action: ButtonAction) -> str:  # noqa: C901 - one case for each action
    """Return the data that a button with this action carries."""
    match action:
        case ActionButton():
            return action.value
        case RunCommand(command=command, argument=argument):
            return f"run:{command}:{argument}"
        case ConfirmForget(person_id=person_id, confirmed=confirmed):
            return f"forget:{'yes' if confirmed else 'no'}:{person_id}"
        case RequestHuman():
            return "human"
        case ChangeHandoff(handoff_id=handoff_id, action=change):
            return f"handoff:{change}:{handoff_id}"
        case SuggestReply(handoff_id=handoff_id):
            return f"suggest:{handoff_id}"
        case SendDraft(item_id=item_id):
            return f"send:{item_id}"
        case RateHandoff(handoff_id=handoff_id, stars=stars):
            return f"rate:{stars}:{handoff_id}"
        case CommentRating(handoff_id=handoff_id):
            return f"comment:{handoff_id}"
        case DecideTools(turn_id=turn_id, decision=decision):
            return f"tool:{decision}:{turn_id}"
        case _:
            assert_never(action)


def parse_button_data(data: str) -> ButtonAction | None:
    """Return the action of a pressed button; None for data that :func:`encode_button` does not write."""
    kind, _, rest = data.partition(":")
    name, _, argument = rest.partition(":")
    match kind:
        case "run" if name in _COMMANDS:
            return RunCommand(command=CommandName(name), argument=argument)
        case "forget" if name in ("yes", "no") and argument:
            return ConfirmForget(person_id=argument, confirmed=name == "yes")
        case "human" if data == kind:
            return RequestHuman()
        case "handoff" if name in HANDOFF_BUTTON_ACTIONS and _ID.fullmatch(argument):
            return ChangeHandoff(handoff_id=int(argument), action=HandoffAction(name))
        case "rate" if name in _STARS and _ID.fullmatch(argument):
            return RateHandoff(handoff_id=int(argument), stars=int(name))
        case "suggest" if _ID.fullmatch(rest):
            return SuggestReply(handoff_id=int(rest))
        case "send" if _ID.fullmatch(rest):
            return SendDraft(item_id=int(rest))
        case "tool" if name in _DECISIONS and _ID.fullmatch(argument):
            return DecideTools(turn_id=int(argument), decision=ToolDecision(name))
        case "comment" if _ID.fullmatch(rest):
            return CommentRating(handoff_id=int(rest))
        case _:
            return ActionButton(data) if data in _ANSWER_ACTIONS else None


_COMMANDS: Final = frozenset(name.value for name in CommandName)
_ANSWER_ACTIONS: Final = frozenset(action.value for action in ActionButton)
_DECISIONS: Final = frozenset(decision.value for decision in ToolDecision)
_STARS: Final = frozenset(str(stars) for stars in RATINGS)
