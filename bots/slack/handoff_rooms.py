"""What a team's desk needs on Slack: threads, files, mentions, and addresses to speak unasked.

A thread begins with its first message, so nothing opens or closes one.
"""

from collections.abc import Sequence
from pathlib import Path

from bots.slack.addressing import details_of
from bots.slack.limits import SlackLimits
from bots.slack.uploads import FileUploader
from core.domain.addresses import Address, Person, ThreadKey
from core.domain.bot_messages import MessageRef
from core.markdown.mentions import MentionCodec
from core.ports.platform import Budget


class SlackHandoffRooms:
    """Implements :class:`core.ports.platform.HandoffRooms`."""

    def __init__(self, uploader: FileUploader, mentions: MentionCodec, limits: SlackLimits) -> None:
        self._uploader, self._mentions, self._limits = uploader, mentions, limits

    def file_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budgets of a shared file: its calls, and the message that it is."""
        return self._limits.upload_budgets(address.key.tenant, address.key.channel)

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return (): nothing is called."""
        return ()

    async def open_topic(self, channel: str, title: str) -> str:
        """Return "": the first message's ts will be the thread."""
        return ""

    async def close_topic(self, channel: str, thread: str) -> None:
        """Do nothing: threads stay open."""

    def build_address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Make the address of a channel (``thread`` "") or of one of its threads.

        Nobody is asked for, so nothing is streamed there. Slack knows no reply beside the thread.
        """
        key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread=thread)
        return Address(key=key, details=details_of(thread, thread, tenant, Person(id="")))

    def format_mention(self, person_id: str, name: str) -> str:
        """Return Markdown that our renderer turns into ``<@person_id>``."""
        return self._mentions.encode(person_id, name)

    async def send_file(
        self, address: Address, path: Path, *, name: str, media_type: str, caption: str, idempotency_key: str
    ) -> MessageRef:
        """Share a file; Slack tells its type by itself, and a shared file cannot carry ``marker``."""
        thread = address.details.get("thread_ts") or address.key.thread
        return await self._uploader.send(address, thread, path, name=name, caption=caption)
