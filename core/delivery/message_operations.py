"""The calls that show one answer, and the state of each message it is shown in."""

from dataclasses import dataclass, replace
from typing import Final

from core.delivery.platform_call import PlannedCall, Priority
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    PlatformAction,
    RenderedMessage,
    TypingStatus,
)
from core.domain.buttons import Button


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageOperation(PlannedCall):
    """A call that posts, edits, deletes, finalizes or looks up one message."""

    index: int  #: which of the answer's messages
    mode: DeliveryModeName = DeliveryModeName.EDIT
    rendered: RenderedMessage | None = None
    final: bool = False  #: whether the message is complete with it
    buttons: tuple[Button, ...] = ()

    @property
    def shows_text(self) -> bool:
        """Whether it puts text on the screen."""
        return self.action in (PlatformAction.POST, PlatformAction.EDIT)

    def showing(self, text_since: float | None) -> "MessageOperation":
        """Return the operation with the time at which the oldest text new in it arrived."""
        return replace(self, text_since=text_since)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOperation(PlannedCall):
    """A call that shows or clears the typing status."""

    action: PlatformAction = PlatformAction.STATUS
    priority: Priority = Priority.STATUS
    status: TypingStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerButtons:
    """Buttons under the last message of an answer."""

    running: tuple[Button, ...] = ()  #: while the answer grows
    final: tuple[Button, ...] = ()  #: once it is complete


NO_BUTTONS: Final = AnswerButtons()


@dataclass(slots=True)
class SentMessage:
    """One message of an answer, on the screen or about to be posted."""

    ref: MessageRef | None = None  #: None if it is not on the screen
    rendered: RenderedMessage | None = None  #: its content; None if unknown (an earlier attempt posted it)
    buttons: tuple[Button, ...] = ()
    posted_at: float = 0.0
    updated_at: float = 0.0  #: when its latest update took effect
    finalized: bool = False
    plain_text: bool = False  #: the platform refused its formatting, so only the text is sent
