"""A call to a platform: what a source wants to send, and the call that it composed."""

from dataclasses import dataclass
from enum import IntEnum

from core.domain.bot_messages import PlatformAction
from core.ports.platform import Budget, DeliveryMode


class Priority(IntEnum):
    """Urgency of a call, most urgent first."""

    FINAL = 0  #: completes a message
    FIRST = 1  #: shows the first text, or begins a further message
    NOTICE = 2  #: shows a text of the bot's own, such as the reply to a command
    PREVIEW = 3  #: shows more of a message that is not complete
    STATUS = 4  #: shows a status while there is no text


@dataclass(frozen=True, slots=True)
class CallOption:
    """One set of budgets that a wanted call may spend from."""

    cost: tuple[Budget, ...]
    mode: DeliveryMode | None = None  #: how a message that the call creates would grow


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCall:
    """The call that a source wants to send next, as far as that is known before it is composed."""

    priority: Priority
    options: tuple[CallOption, ...]  #: best first; one of them must have room
    not_before: float = 0.0
    text_since: float = 0.0  #: when the oldest text that it would show arrived
    min_interval_s: float = 0.0  #: shortest time since the source's previous call


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Nothing is to be sent before a time at which the source must be asked again."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One call as it is sent."""

    action: PlatformAction
    priority: Priority
    cost: tuple[Budget, ...]
    """Every budget it spends one call of. One that is named several times counts as many calls: the call may
    be sent once one of them has room, and those after it wait for all."""
    text_since: float | None = None  #: when the oldest text new in it arrived; None without new text
    completes: bool = False  #: whether its source wants no further call if this one succeeds
