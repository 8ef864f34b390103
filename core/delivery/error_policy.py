"""Decides what follows a failed call for its message. Pure: it performs nothing."""

from enum import Enum, auto

from core.delivery.message_operations import MessageOperation
from core.domain.bot_messages import PlatformAction
from core.domain.errors import (
    MessageGone,
    MessageRemoved,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
)


class Reaction(Enum):
    """What follows a failed call."""

    GIVE_UP = auto()  #: nothing more can be shown
    WAIT_FOR_BUDGET = auto()  #: compose it again when the budget, which is closed now, has room
    BACK_OFF = auto()  #: compose it again after a delay
    POST_AGAIN = auto()  #: the message is gone: post its text as a new one
    CHANGE_MODE = auto()  #: go on in the next delivery mode
    SEND_PLAIN_TEXT = auto()  #: send the text without formatting
    LOOK_UP = auto()  #: a message may have been posted: look for it if the platform can be asked
    SKIP = auto()  #: do without this preview until there is more text


def reaction_to(
    error: PlatformError, operation: MessageOperation, *, ephemeral: bool, formatted: bool, shown: bool
) -> Reaction:
    """Return what follows an error.

    Args:
        error: the adapter's error.
        operation: the call that failed.
        ephemeral: whether the operation's mode shows ephemeral messages, which can be given up freely.
        formatted: whether the message was sent with formatting that can be left out.
        shown: whether this delivery has shown text in the message. One that a moderator removed since is
            not posted again; a message of an earlier attempt may have been removed for any reason.
    """
    match error:
        case PlatformForbidden():
            return Reaction.GIVE_UP
        case MessageRemoved() if shown:
            return Reaction.GIVE_UP
        case MessageGone():
            return Reaction.POST_AGAIN
        case PlatformRateLimited() | PlatformRefused() if ephemeral:
            return Reaction.CHANGE_MODE
        case PlatformRateLimited():
            return Reaction.WAIT_FOR_BUDGET
        case PlatformRefused() if operation.action is PlatformAction.FIND:
            return Reaction.BACK_OFF
        case PlatformRefused():
            if formatted:
                return Reaction.SEND_PLAIN_TEXT
            is_preview = operation.shows_text and not operation.final  # a later call shows the same text
            return Reaction.SKIP if is_preview else Reaction.GIVE_UP
        case PlatformOutcomeUnknown() if operation.action is PlatformAction.POST and not ephemeral:
            return Reaction.LOOK_UP
        case _:
            return Reaction.BACK_OFF
