"""What is visible on a platform in memory."""

from dataclasses import dataclass, replace
from itertools import count

from core.domain.bot_messages import DeliveryModeName, MessageRef, TaskCard
from core.domain.buttons import Button
from core.domain.clock import Clock
from core.domain.errors import MessageGone


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeMessage:
    """A message on the screen."""

    channel: str
    message_id: str
    text: str
    idempotency_key: str
    buttons: tuple[Button, ...] = ()
    mode: DeliveryModeName = DeliveryModeName.EDIT
    tasks: tuple[TaskCard, ...] = ()  #: cards above its text
    thread: str = ""  #: topic or thread that it is in
    reply_to: str = ""  #: id of the message that it is shown as a reply to
    files: tuple[bytes, ...] = ()  #: contents of the files that it shows

    @property
    def file(self) -> bytes | None:
        """Content of its first file; None if it has none."""
        return next(iter(self.files), None)

    @property
    def growing(self) -> bool:
        """Whether it is a stream that has not been ended."""
        return self.mode is DeliveryModeName.STREAM

    @property
    def ref(self) -> MessageRef:
        """Reference to it."""
        return MessageRef(channel=self.channel, message_id=self.message_id, mode=self.mode)


@dataclass(frozen=True, slots=True)
class Frame:
    """One change of the screen."""

    at_s: float
    message_id: str
    text: str


class FakeScreen:
    """The messages of all channels, and how they came about."""

    def __init__(self, clock: Clock) -> None:
        self.messages: dict[str, FakeMessage] = {}  #: by id, in the order they were posted
        self.frames: list[Frame] = []  #: posts and edits that took effect
        self.drafts: list[Frame] = []  #: ephemeral messages that were shown
        self.identical_edits = 0  #: edits that changed nothing
        self._clock = clock
        self._ids = count(1)

    @property
    def texts(self) -> list[str]:
        """Texts of the messages, in the order they were posted."""
        return [message.text for message in self.messages.values()]

    def post(self, message: FakeMessage) -> FakeMessage:
        """Show a new message and return it with its id."""
        posted = replace(message, message_id=str(next(self._ids)))
        self.messages[posted.message_id] = posted
        self.frames.append(Frame(self._clock.time(), posted.message_id, posted.text))
        return posted

    def get(self, message_id: str) -> FakeMessage:
        """Return a message.

        Raises:
            MessageGone: it was deleted.
        """
        if message_id not in self.messages:
            raise MessageGone("deleted")
        return self.messages[message_id]

    def edit(self, changed: FakeMessage) -> None:
        """Replace a message."""
        self.identical_edits += changed == self.messages[changed.message_id]
        self.messages[changed.message_id] = changed
        self.frames.append(Frame(self._clock.time(), changed.message_id, changed.text))

    def show_draft(self, text: str) -> None:
        """Show an ephemeral message."""
        self.drafts.append(Frame(self._clock.time(), "draft", text))

    def remove(self, message_id: str) -> None:
        """Delete a message; nothing happens if there is none."""
        self.messages.pop(message_id, None)
