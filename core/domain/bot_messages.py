"""Messages of the bot: their content, buttons, delivery modes, and references to those on a screen."""

from dataclasses import dataclass
from enum import StrEnum


class FeedbackVerdict(StrEnum):
    """A person's verdict on an answer."""

    GOOD = "good"
    BAD = "bad"


class DeliveryModeName(StrEnum):
    """How a message of the bot grows on a platform."""

    STREAM = "stream"  #: text is appended (Slack's ``chat.appendStream``)
    DRAFT = "draft"  #: a preview that is no message yet and disappears by itself (Telegram's drafts)
    EDIT = "edit"  #: the whole text is replaced; also every finished message
    PRINT = "print"  #: written to a terminal, never changed


class PlatformAction(StrEnum):
    """A call to a platform that shows something of an answer. Its value is a label in metrics."""

    POST = "post"
    EDIT = "edit"
    DELETE = "delete"
    FINALIZE_ORPHAN = "finalize_orphan"  #: make a message that a dead process left growing editable
    FIND = "find"  #: look for a message whose reference was not stored
    STATUS = "status"
    FILE = "file"  #: send a file with its caption
    TOPIC = "topic"  #: open or close a topic of a room
    REACTION = "reaction"  #: put an emoji on a message, or take it away


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRef:
    """Reference to a message of the bot on a platform."""

    channel: str
    message_id: str
    mode: DeliveryModeName = DeliveryModeName.EDIT  #: how it grows; EDIT once it is finished


class TaskState(StrEnum):
    """Stage of one step of an answer."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCard:
    """One step of an answer, such as a tool's call, as people see it."""

    id: str  #: unique within the answer
    title: str  #: in the person's language, such as "Searching: tea"
    state: TaskState = TaskState.RUNNING
    sources: tuple[tuple[str, str], ...] = ()  #: (URL, title) of the pages that it found


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMessage:
    """One message's share of an answer, in the form a platform sends."""

    markdown: str  #: its Markdown source; a code fence that was cut is closed and reopened
    text: str  #: the text that is sent; never over the platform's limit, and empty only beside tasks
    payload: tuple[object, ...] = ()  #: the platform's own additions (Telegram: entities)
    tasks: tuple[TaskCard, ...] = ()  #: shown with it, if its delivery mode shows tasks


class TypingStatus(StrEnum):
    """Status that is shown until the answer has text."""

    THINKING = "thinking"
    IDLE = "idle"  #: clears the status


class ThinkingStyle(StrEnum):
    """How a platform shows the model's reasoning, if the operator enabled that."""

    QUOTE = "quote"  #: the reasoning itself, in a collapsible quote
    LINE = "line"  #: one line that says how long it took
