"""What can be done for a growing message, and what is remembered of each message on the screen."""

from dataclasses import dataclass
from enum import IntEnum

from core.domain.bot_messages import DeliveryModeName, MessageRef, PlatformAction, RenderedMessage
from core.domain.buttons import Button
from core.ports.platform import Budget


class Priority(IntEnum):
    """What a message needs next, most urgent first."""

    FINAL = 0  #: the text of a message is complete
    FIRST = 1  #: there are words and no message yet
    PREVIEW = 2  #: the message is behind the text
    STATUS = 3  #: there are no words yet


@dataclass(slots=True)
class SentMessage:
    """One message on the screen, or about to be there."""

    ref: MessageRef | None = None
    rendered: RenderedMessage | None = None  #: None where unknown (a message that an earlier run left)
    buttons: tuple[Button, ...] = ()
    posted_at: float = 0.0
    updated_at: float = 0.0  #: when its latest frame landed
    finalized: bool = False
    plain_text: bool = False  #: the platform refused the form; only the text is sent


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOperation:
    """One call to a surface."""

    action: PlatformAction
    priority: Priority
    index: int
    cost: tuple[Budget, ...]
    mode: DeliveryModeName = DeliveryModeName.EDIT
    rendered: RenderedMessage | None = None
    final: bool = False
    buttons: tuple[Button, ...] = ()
    completes_answer: bool = False  #: once this took effect, the whole answer stands
