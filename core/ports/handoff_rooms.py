"""The port of a team's room: topics, files, reactions, copies; ``tests/contracts`` has its contract suite."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.ports.platform import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file on the disk that is sent to a platform."""

    path: Path
    name: str  #: shown to people
    media_type: str  #: such as "image/png"; "" if it is not known


class HandoffRooms(Protocol):
    """Topics and files in a team's room. Optional.

    Raises the errors of :class:`core.ports.platform.MessageChannel`; no method retries or waits by itself.
    """

    shows_replies: bool
    """Whether a message is shown as a reply to ``Address.reply_to``."""

    def file_cost(self, address: Address, count: int = 1) -> Sequence[Budget]:
        """Return the budgets that sending or copying ``count`` files in one call spends.

        A budget that counts each of them is named as often.
        """

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return the budgets that one :meth:`open_topic` or :meth:`close_topic` call spends; () for none."""

    async def chat_title(self, channel: str) -> str:
        """Return the title of a group or channel; "" for a direct chat, or if it cannot be had."""

    def message_link(self, channel: str, message_id: str) -> str:
        """Return the web address of a message; "" if it has none, as in direct chats."""

    async def open_topic(self, channel: str, title: str) -> str:
        """Open a topic of a room and return the ``thread`` of its :class:`ThreadKey`.

        Returns "" if a thread begins with its first message instead (Slack): that message's id is the
        thread. ``title`` is cut to the length that the platform takes.
        """

    async def close_topic(self, channel: str, thread: str) -> None:
        """Close a topic; one that is closed already is success. Without topics nothing happens."""

    def build_address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Return the address of a room or of one of its threads, to post there unprompted.

        ``thread`` is "", what :meth:`open_topic` returned, or on Slack a message's id. In a room whose
        conversations are chains of replies (a Telegram group without topics), the address of a person's
        own event must be used instead.
        """

    def format_mention(self, person_id: str, name: str) -> str:
        """Return Markdown that this platform's renderer turns into a mention that notifies a person.

        Only for text that the service writes itself: mentions in other text are neutralized.
        """

    async def copy_messages(self, address: Address, channel: str, ids: Sequence[str]) -> Sequence[MessageRef]:
        """Show copies of messages, without captions and authors; ``PlatformRefused`` if there can be none."""

    def reaction_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budgets that one :meth:`set_reaction` call spends."""

    async def set_reaction(self, address: Address, message_id: str, emoji: str, *, removes: bool) -> None:
        """Put an emoji on a message of ``address``'s room, or take ours away; done already is success.

        Raises:
            PlatformRefused: the platform has no such reaction, or the bot may not react.
            MessageGone: the message was deleted.
        """

    def fits_caption(self, caption: str) -> bool:
        """Return whether a text (Markdown, may be "") can be the caption of files."""

    async def group_files(self, files: Sequence[LocalFile]) -> Sequence[Sequence[LocalFile]]:
        """Return files in the groups that one :meth:`send_files` call shows together; none is left out.

        Raises:
            OSError: a file cannot be read.
        """

    async def send_files(
        self, address: Address, files: Sequence[LocalFile], *, caption: str
    ) -> Sequence[MessageRef]:
        """Show files with a caption (Markdown, may be "") and return their messages.

        Several files are a group of :meth:`group_files`. They are shown in one message, or each in a message
        of one album, with the caption at the first. A ``message_id`` is "" if the platform does not report
        it in time. ``PlatformRefused`` is raised for a caption that :meth:`fits_caption` does not permit, and
        for a file that is empty or too large for the platform.

        Raises:
            PlatformError: nothing was shown, or it is not known whether it was.
            OSError: a file cannot be read.
        """

    async def find_files(
        self, address: Address, files: Sequence[LocalFile], *, exclude: frozenset[str]
    ) -> Sequence[MessageRef]:
        """Return the messages of a :meth:`send_files` call whose outcome is unknown; () if it showed nothing.

        () is also returned if the platform cannot tell. Messages in ``exclude`` belong to other calls.

        Raises:
            PlatformError: the platform cannot be asked now.
            OSError: a file cannot be read.
        """

    async def edit_caption(self, ref: MessageRef, caption: str) -> None:
        """Replace the caption (Markdown, may be "") of a message that :meth:`send_files` has shown.

        Raises:
            PlatformRefused: the platform does not take it; the former caption is still shown.
            MessageGone: the message was deleted.
        """
