"""The ports that platform adapters implement; each has one contract suite in ``tests/contracts``."""

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
from core.domain.events import ButtonPressed, Event
from core.domain.message_content import Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A number of calls that a platform grants: ``burst`` at once, ``per_s`` in the long run.

    With ``window_s`` it is a sliding window instead: at most ``burst`` calls in any ``window_s`` seconds,
    and ``per_s`` is what that amounts to in the long run.
    """

    key: str  #: unique among all platforms and tenants, such as "telegram:42:chat:-100"
    per_s: float
    burst: float
    window_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMode:
    """One way in which a message can grow, with the cost of each step.

    A platform offers its modes best first; the first whose budgets have room is used. Every step spends
    one call of every budget it names.
    """

    name: DeliveryModeName
    create_cost: tuple[Budget, ...]  #: of the first update
    update_cost: tuple[Budget, ...]  #: of each further update; empty if the message cannot grow
    finalize_cost: tuple[Budget, ...]  #: of the last update
    max_age_s: float | None = None  #: a message older than this must be finalized and edited from then on
    min_interval_s: float = 0.0  #: shortest time between two updates of one message
    shows_tasks: bool = False  #: whether steps of the answer can be shown as cards
    ttl_s: float | None = None
    """Set for ephemeral messages: they disappear unless they are sent again within this time, are not
    stored, and the last update is posted as a message in the last mode."""


class Renderer(Protocol):
    """Turns one growing answer into messages. Made for each answer; does no I/O."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the answer so far as one or more messages; empty if there is nothing to show yet.

        Messages before the last never change once there is a later one.

        Args:
            markdown: the answer so far; between calls it only grows.
            complete: False while it grows: markup that is open at its end is then closed or left out,
                so that every update reads well.
        """


class MessageChannel(Protocol):
    """One platform as a place where messages appear and grow.

    Every method raises the errors of :mod:`core.domain.errors` and no others: ``PlatformRateLimited``,
    ``MessageGone``, ``PlatformRefused``, ``PlatformForbidden``, ``PlatformUnavailable``,
    ``PlatformOutcomeUnknown``. No method retries or waits by itself: pacing is done by
    :mod:`core.delivery`.
    """

    thinking_style: ThinkingStyle
    """How the model's reasoning is shown, if the operator enabled that."""

    can_find_by_key: bool
    """Whether :meth:`find_by_key` can tell for certain whether a message is there."""

    def build_renderer(self, address: Address) -> Renderer:
        """Return the renderer of one answer that is shown at ``address``."""

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return the modes in which an answer may grow here, best first; never empty."""

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budgets that one :meth:`set_status` call spends."""

    def status_refresh_s(self, address: Address) -> float:
        """Return after how many seconds a status must be shown again; 0 if it stays."""

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Show or clear a status. Best effort: no error but a rate limit is raised.

        It is cleared once text of the answer is shown; if the platform does that by itself, no call is
        made.
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

        Args:
            address: the conversation.
            message: what to show.
            mode: how the message will grow.
            idempotency_key: identifies the message for :meth:`find_by_key`, if the platform can carry it.
            buttons: shown under the message.
            final: whether the message is complete.
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
        """Replace the whole text of a message and return its reference as it is afterwards.

        A platform's "not modified" is success.

        Args:
            address: the conversation.
            ref: the message.
            message: what to show.
            previous: what is shown now, which a mode that appends needs; None if unknown.
            final: whether the message is complete; it can be edited later like any other.
            buttons: shown under the message.
        """

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Delete a message; one that is gone already is success."""

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """Make a message that a dead process left growing editable, and return its reference."""

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Find a posted message without a stored reference.

        Args:
            address: the conversation.
            idempotency_key: the key that the message was posted with.
            after_message_id: id of the question's message; what is older is not looked at.
            exclude: ids of messages that belong to other answers.

        Returns:
            Its reference; None if there is none, or the platform cannot be asked.
        """


class EventSink(Protocol):
    """Takes every event that concerns the bot; called by adapters."""

    async def __call__(self, event: Event) -> bool:
        """Store and deduplicate one event; return whether it was new.

        When this returns, the event is committed and may be acknowledged.

        Raises:
            StoreUnavailable: nothing was stored; do not acknowledge.
        """


class PressReply(Protocol):
    """Decides what a pressed button shows for a moment; called by adapters once the press is stored."""

    async def __call__(self, event: ButtonPressed) -> str:
        """Return the text for the person who pressed; "" for none.

        Raises:
            StoreUnavailable: it cannot be decided.
        """


class Downloader(Protocol):
    """Fetches attachments. Optional."""

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Write an attachment's bytes to the file ``path``, piece by piece.

        An attachment that is known to be larger than ``limit_bytes`` is not fetched, and no larger file
        is kept. After an error ``path`` may hold a part of it.

        Raises:
            DownloadRefused: it cannot be fetched.
            PlatformUnavailable: the platform could not be reached or failed; it may be tried again.
            OSError: ``path`` cannot be written.
        """


class MemberLookup(Protocol):
    """Looks up the roles of people in a room. Optional; the adapter caches for a few minutes."""

    async def is_admin(self, channel: str, person_id: str) -> bool:
        """Return whether a person administrates this room on the platform.

        Telegram: creator or administrator of the chat (an anonymous admin is one). Slack: owner or
        admin of the workspace. False if the platform cannot be asked.
        """

    async def in_group(self, group: str, person_id: str) -> bool:
        """Return whether a person belongs to a group of people on the platform.

        Slack: a user group, by id or handle. Other platforms: False.
        """

    async def sees_all(self, channel: str) -> bool:
        """Return whether the bot receives every message of a room. False if the platform cannot be asked."""
