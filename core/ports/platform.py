"""The ports that adapters implement; each has one contract suite under ``tests/contracts``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.domain.addresses import Address
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    RenderedMessage,
    ThinkingStyle,
    TypingStatus,
)
from core.domain.buttons import Button
from core.domain.events import Event
from core.domain.message_content import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A bucket of calls that a platform grants: ``burst`` at once, ``per_s`` in the long run.

    Where ``window_s`` is set, it is a sliding window instead: at most ``burst`` calls within any
    ``window_s`` seconds, and ``per_s`` says what that is in the long run.
    """

    key: str  #: unique over all platforms and tenants, such as "telegram:42:chat:-100"
    per_s: float
    burst: float
    window_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMode:
    """One way to show a growing message, with what each step of it costs.

    A platform offers its rungs best first; the scheduler takes the first whose budgets have
    room. Every step spends one call of every budget it names.
    """

    name: DeliveryModeName
    create_cost: tuple[Budget, ...]  #: the first frame
    update_cost: tuple[Budget, ...]  #: each further frame; empty where it cannot grow
    finalize_cost: tuple[Budget, ...]  #: the last frame
    max_age_s: float | None = None  #: a message older than this must be closed and continued
    min_interval_s: float = 0.0  #: least time between two frames of one message
    ttl_s: float | None = None
    """Set where frames are no message yet: they fade unless shown again after so many seconds, are
    not stored, and the last frame is posted by the last rung."""


class Renderer(Protocol):
    """Turns one growing answer into pages. Made anew for each answer; holds no I/O."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the answer so far as one or more pages; empty where nothing can be shown yet.

        ``markdown`` only ever grows between calls. Pages before the last never change once
        there is a later one. While not ``complete``, half-open markers at the growing end are
        held back or closed, so that every frame reads well.
        """


class MessageChannel(Protocol):
    """One platform, seen as a place where messages appear and grow.

    Every verb raises the errors of :mod:`core.domain.errors` and no other: ``PlatformRateLimited``,
    ``MessageGone``, ``PlatformRefused``, ``PlatformForbidden``, ``PlatformUnavailable``,
    ``PlatformOutcomeUnknown``. No verb retries or waits by itself: pacing is the scheduler's.
    """

    thinking_style: ThinkingStyle
    """How thoughts are shown here, where the operator shows them."""

    can_find_by_key: bool
    """Whether :meth:`find` can tell for sure that a message is or is not there."""

    def build_renderer(self, address: Address) -> Renderer:
        """Make the pager for one answer that is shown at ``address``."""

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return the ways an answer may grow here, best first; never empty."""

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budgets that one :meth:`status` call spends."""

    def status_refresh_s(self, address: Address) -> float:
        """Return after how many seconds a status must be shown again; 0 where once is enough."""

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Show or take away a status. Best effort: a refusal other than a rate limit is nothing.

        It is taken away once words of the answer stand; where they do that by themselves, nothing
        is called.
        """

    async def post(
        self,
        address: Address,
        message: RenderedMessage,
        *,
        mode: DeliveryModeName,
        idempotency_key: str,
        buttons: Sequence[Button] = (),
        final: bool = False,
    ) -> MessageRef:
        """Show a new message and return its reference.

        ``marker`` identifies the message for :meth:`find` where the platform can carry it. With
        ``last`` it is complete as it appears.
        """

    async def edit(
        self,
        address: Address,
        ref: MessageRef,
        message: RenderedMessage,
        *,
        previous: RenderedMessage | None,
        final: bool,
        buttons: Sequence[Button] = (),
    ) -> MessageRef:
        """Replace the whole text of ``ref`` and return its reference as it is afterwards.

        ``shown`` is what stands there now (None: unknown); a rung that appends needs it. With
        ``last`` the message is finished and may be edited later like any other. A platform's
        "not modified" is success.
        """

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Take a message away; one that is gone already is success."""

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """Make a message that a dead process left growing editable, and return its reference."""

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Look for a message that was posted but whose reference was not stored.

        ``after`` is the id of the question's message and ``known`` are ids of messages that
        belong to something else. None where there is none, or the platform cannot be asked.
        """


class EventSink(Protocol):
    """The way in: what an adapter calls for every event that concerns us."""

    async def __call__(self, event: Event) -> bool:
        """Persist and deduplicate one event; True where it was new.

        When this returns, the event is committed and may be acknowledged.

        Raises:
            StoreUnavailable: nothing was stored; do not acknowledge.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMessage:
    """One message that stood in a thread before the bot was first spoken to."""

    message_id: str
    author_id: str
    author: str
    text: str
    by_bot: bool


class Backfill(Protocol):
    """Reads what stood in a thread before the bot came to it (Slack). An extra ability."""

    async def load_earlier_messages(
        self, address: Address, *, before_message_id: str, limit: int
    ) -> Sequence[ThreadMessage]:
        """Return up to ``limit`` messages before message id ``before``, oldest first.

        Raises:
            PlatformError: the platform refused; the answer goes on without them.
        """


class Downloader(Protocol):
    """Fetches what people send beside their words. An extra ability."""

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Write an attachment's bytes to the file ``to``, piece by piece.

        What is known to be larger than ``limit_bytes`` is not fetched, and nothing larger is kept.
        After an error there may be a part of it in ``to``.

        Raises:
            DownloadRefused: it cannot be had.
            PlatformUnavailable: the platform could not be reached or failed; it may be tried again.
            OSError: ``to`` cannot be written.
        """


class MemberLookup(Protocol):
    """Tells who people are in a room. An extra ability; cached by the adapter for a few minutes."""

    async def is_admin(self, channel: str, person_id: str) -> bool:
        """Return whether a person runs this room by the platform's own word.

        Telegram: creator or administrator of the chat (an anonymous admin is one). Slack: owner or
        admin of the workspace. False where the platform cannot be asked.
        """

    async def in_group(self, group: str, person_id: str) -> bool:
        """Return whether a person belongs to a group of people that the platform knows.

        Slack: a user group, by id or handle. Elsewhere False.
        """


class HandoffRooms(Protocol):
    """What a team's desk needs beside messages: topics, and files that are passed on.

    An extra ability. Errors are those of :class:`MessageChannel`; nothing retries or waits by itself.
    """

    def file_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budgets that one :meth:`send_file` call spends."""

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return the budgets that one :meth:`open_topic` or :meth:`close_topic` call spends."""

    async def open_topic(self, channel: str, title: str) -> str:
        """Open a topic of a room and return the ``thread`` of its :class:`ThreadKey`.

        "" where a thread begins with its first message instead (Slack): that message's id is the
        thread. ``title`` is cut to what the platform takes.
        """

    async def close_topic(self, channel: str, thread: str) -> None:
        """Close a topic; nothing where the platform has none, and one that is closed is success."""

    def build_address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Make the address of a room or of one of its threads, to post there unasked.

        ``thread`` is "", what :meth:`open_topic` returned, or on Slack a message's id. Where replies
        make conversations (a Telegram group without topics) the address of a person's own event is
        to be kept instead.
        """

    def format_mention(self, person_id: str, name: str) -> str:
        """Return Markdown that this platform's renderer turns into a real mention of a person.

        Only for text that we write ourselves: mentions in anybody else's text stay neutralised.
        """

    async def send_file(
        self, address: Address, path: Path, *, name: str, media_type: str, caption: str, idempotency_key: str
    ) -> MessageRef:
        """Show a file or picture with a caption (Markdown, may be "") and return its message.

        A caption over about 1,000 characters, and a file that is empty or too large for the
        platform, are ``PlatformRefused``. ``message_id`` is "" where the platform does not tell it
        in time. ``OSError`` where ``path`` cannot be read.
        """
