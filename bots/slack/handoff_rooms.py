"""Rooms of a team's desk on Slack: threads, files, mentions, and addresses for unprompted messages.

A thread begins with its first message, so no call opens or closes one.
"""

import asyncio
from collections.abc import Sequence
from itertools import islice
from typing import Final

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.addressing import details_of
from bots.slack.emoji_codes import names_of
from bots.slack.errors import error_code, translate_errors
from bots.slack.limits import SlackLimits
from bots.slack.names import NameDirectory
from bots.slack.people import BotAccount
from bots.slack.thread_history import ThreadHistory
from bots.slack.uploads import MAX_FILES, FileUploader
from core.domain.addresses import Address, Person, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.errors import PlatformForbidden, PlatformRefused
from core.markdown.mentions import MentionCodec
from core.ports.handoff_rooms import LocalFile
from core.ports.platform import Budget

log = structlog.get_logger(__name__)

_NO_WORDS: Final = "…"  #: stands for a comment that was taken away: Slack updates no message to an empty text
_DONE_CODES: Final = frozenset({"already_reacted", "no_reaction"})


class SlackHandoffRooms:
    """Implements :class:`core.ports.handoff_rooms.HandoffRooms`."""

    shows_replies = False  #: a reply is a message in a thread

    def __init__(
        self,
        client: AsyncWebClient,
        uploader: FileUploader,
        mentions: MentionCodec,
        limits: SlackLimits,
        names: NameDirectory,
        account: BotAccount,
        history: ThreadHistory,
    ) -> None:
        self._client = client
        self._uploader, self._mentions, self._limits = uploader, mentions, limits
        self._names, self._account, self._history = names, account, history

    async def chat_title(self, channel: str) -> str:
        """Return a channel's name with "#"; "" for a direct conversation."""
        name = await self._names.channel_name(channel)
        return f"#{name}" if name and not channel.startswith("D") else ""

    def message_link(self, channel: str, message_id: str) -> str:
        """Return a permalink (https://docs.slack.dev/reference/methods/chat.getPermalink shows its form)."""
        url = self._account.identity.url
        if not url or not message_id or channel.startswith("D"):
            return ""
        return f"{url.rstrip('/')}/archives/{channel}/p{message_id.replace('.', '')}"

    def file_cost(self, address: Address, count: int = 1) -> Sequence[Budget]:
        """Return the budgets of files in one message: those of a message, and of each file's calls."""
        return self._limits.upload_budgets(address.key.tenant, address.key.channel, count)

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return (): no call is made."""
        return ()

    async def open_topic(self, channel: str, title: str) -> str:
        """Return "": the ts of the first message becomes the thread."""
        return ""

    async def close_topic(self, channel: str, thread: str) -> None:
        """Do nothing: Slack cannot close a thread."""

    def build_address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Return the address of a channel (``thread`` "") or of one of its threads.

        A stream needs a recipient, and there is none, so nothing is streamed there. ``reply_to`` is
        ignored, because a reply on Slack is a message in a thread.
        """
        key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread=thread)
        return Address(key=key, details=details_of(thread, tenant, Person(id="")))

    def format_mention(self, person_id: str, name: str) -> str:
        """Return Markdown that our renderer turns into ``<@person_id>``."""
        return self._mentions.encode(person_id, name)

    async def copy_messages(self, address: Address, channel: str, ids: Sequence[str]) -> Sequence[MessageRef]:
        """Refuse: Slack copies no messages.

        Raises:
            PlatformRefused: always.
        """
        raise PlatformRefused("Slack copies no messages")

    def reaction_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budget of ``reactions.add``, which covers the removal."""
        return (self._limits.method_budget(address.key.tenant, "reactions.add"),)

    async def set_reaction(self, address: Address, message_id: str, emoji: str, *, removes: bool) -> None:
        """Add an emoji to a message, or remove ours, under the first name that Slack knows.

        Raises:
            PlatformRefused: Slack has no such emoji, or the scope ``reactions:write`` is missing.
            MessageGone: the message was deleted.
        """
        call = self._client.reactions_remove if removes else self._client.reactions_add
        for name in names_of(emoji):
            try:
                with translate_errors("reactions.add", idempotent=True):
                    await call(channel=address.key.channel, timestamp=message_id, name=name)
            except PlatformRefused as exc:
                code = error_code(exc.__cause__) if isinstance(exc.__cause__, SlackApiError) else ""
                if code in _DONE_CODES:
                    return
                if code != "invalid_name":
                    raise
            else:
                return
        raise PlatformRefused("Slack has no such emoji")

    def fits_caption(self, caption: str) -> bool:
        """Return whether a text is short enough for the comment on files."""
        try:
            self._uploader.render_comment(caption)
        except PlatformRefused:
            return False
        return True

    async def group_files(self, files: Sequence[LocalFile]) -> Sequence[Sequence[LocalFile]]:
        """Return files in groups of :data:`MAX_FILES`: a message takes files of all kinds."""
        return [files[at : at + MAX_FILES] for at in range(0, len(files), MAX_FILES)]

    async def send_files(
        self, address: Address, files: Sequence[LocalFile], *, caption: str
    ) -> Sequence[MessageRef]:
        """Share files in one message; Slack detects their types."""
        return [await self._uploader.send(address, files, caption=caption)]

    async def find_files(
        self, address: Address, files: Sequence[LocalFile], *, exclude: frozenset[str]
    ) -> Sequence[MessageRef]:
        """Find our message with files of the same sizes, in the thread or after the last known message."""
        channel, thread_ts = address.key.channel, address.key.thread
        sizes = await asyncio.to_thread(lambda: [file.path.stat().st_size for file in files])
        try:
            ours = await self._history.own_messages(
                channel, thread_ts, after=thread_ts or max(exclude, default="0")
            )
        except (PlatformRefused, PlatformForbidden) as exc:
            log.warning("slack.file_lookup_failed", error=str(exc))
            return ()
        found = (
            one["ts"]
            for one in ours
            if one["ts"] not in exclude and [file.get("size") for file in one.get("files", ())] == sizes
        )
        return [MessageRef(channel=channel, message_id=ts) for ts in islice(found, 1)]

    async def edit_caption(self, ref: MessageRef, caption: str) -> None:
        """Replace the comment on files."""
        comment = self._uploader.render_comment(caption) or _NO_WORDS
        with translate_errors("chat.update", idempotent=True):
            await self._client.chat_update(channel=ref.channel, ts=ref.message_id, text=comment)
