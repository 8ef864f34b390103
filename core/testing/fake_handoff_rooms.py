"""Rooms of a team on a platform in memory."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.errors import PlatformForbidden, PlatformOutcomeUnknown, PlatformRefused
from core.markdown.mentions import MentionCodec
from core.ports.handoff_rooms import LocalFile
from core.ports.platform import Budget
from core.testing.fake_message_channel import FakeMessageChannel
from core.testing.fake_screen import FakeMessage

MAX_CAPTION_CHARS = 1_000


class FakeHandoffRooms:
    """Implements :class:`core.ports.handoff_rooms.HandoffRooms` on the screen of a fake channel."""

    def __init__(
        self, channel: FakeMessageChannel, *, platform: str = "fake", has_topics: bool = True
    ) -> None:
        """Share a channel's screen, limits and failures.

        Args:
            channel: shows the messages.
            platform: the platform's name in addresses.
            has_topics: topics are opened, as in Telegram's forums; otherwise a thread begins with its
                first message, as on Slack.
        """
        self.shows_replies = has_topics
        self.topics: dict[str, str] = {}  #: titles of the open topics by thread
        self.closed_topics: set[str] = set()
        self.copied: list[tuple[str, ...]] = []  #: ids of the messages that each call copied
        self.sent_files: list[tuple[str, ...]] = []  #: names of the files that each call showed
        self.broken_files: set[bytes] = set()  #: contents that the platform refuses
        self.titles: dict[str, str] = {}  #: of groups by channel
        self.reactions: dict[str, list[str]] = {}  #: emoji by the message they are on
        self.unknown_emoji = {"🫥"}  #: that the platform does not offer as reactions
        self.uncopyable: set[str] = set()  #: ids of messages that cannot be copied
        self._channel = channel
        self._platform = platform
        self._has_topics = has_topics
        self._mentions = MentionCodec("fake")
        self._ids = count(1)

    def file_cost(self, address: Address, count: int = 1) -> Sequence[Budget]:
        """Return the channel's budget."""
        return (self._channel.budget(address.key.channel),)

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return the channel's budget; nothing if there are no topics."""
        return (self._channel.budget(channel),) if self._has_topics else ()

    async def open_topic(self, channel: str, title: str) -> str:
        """Open a topic and return its thread; "" if there are no topics."""
        if not self._has_topics:
            return ""
        await self._channel.count_call(channel)
        thread = f"topic-{next(self._ids)}"
        self.topics[thread] = title
        return thread

    async def close_topic(self, channel: str, thread: str) -> None:
        """Close a topic; one that is closed already is success."""
        if not self._has_topics:
            return
        await self._channel.count_call(channel)
        self.closed_topics.add(thread)

    async def chat_title(self, channel: str) -> str:
        """Return the title that a test has set."""
        return self.titles.get(channel, "")

    def message_link(self, channel: str, message_id: str) -> str:
        """Return an address for the messages of groups."""
        return f"https://{self._platform}.test/{channel}/{message_id}" if channel in self.titles else ""

    def build_address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Return the address of a room or of one of its topics."""
        key = ThreadKey(platform=self._platform, tenant=tenant, channel=channel, thread=thread)
        return Address(key=key, reply_to=reply_to)

    def format_mention(self, person_id: str, name: str) -> str:
        """Return signed Markdown; :meth:`mentioned_in` finds the people that it mentions."""
        return self._mentions.encode(person_id, name)

    def mentioned_in(self, text: str) -> list[str]:
        """Return the people that a text mentions, as far as the service wrote the mentions."""
        found: list[str] = []

        def keep(person_id: str, label: str) -> str:
            found.append(person_id)
            return label

        self._mentions.replace(text, keep)
        return found

    async def copy_messages(self, address: Address, channel: str, ids: Sequence[str]) -> Sequence[MessageRef]:
        """Show copies of messages, those of one call as one album.

        Raises:
            PlatformForbidden: the bot was removed.
            PlatformRefused: the platform copies nothing, or not these messages.
        """
        if address.key.channel in self._channel.failures.forbidden:
            raise PlatformForbidden("the bot was removed")
        if not self._has_topics or self.uncopyable & set(ids) or "999999" in ids:
            raise PlatformRefused("it cannot be copied")
        await self._channel.count_call(address.key.channel)
        self.copied.append(tuple(ids))
        shown = [
            self._channel.screen.post(
                FakeMessage(
                    channel=address.key.channel,
                    message_id="",
                    text=f"<copy of {channel}/{message_id}>",
                    idempotency_key="",
                    thread=address.key.thread,
                    reply_to=address.reply_to,
                )
            )
            for message_id in ids
        ]
        return [one.ref for one in shown]

    def reaction_cost(self, address: Address) -> Sequence[Budget]:
        """Return the channel's budget."""
        return (self._channel.budget(address.key.channel),)

    async def set_reaction(self, address: Address, message_id: str, emoji: str, *, removes: bool) -> None:
        """Keep one reaction for each message if there are topics, as on Telegram; else all.

        Raises:
            PlatformRefused: the platform has no such reaction.
        """
        if emoji[:1] in self.unknown_emoji:
            raise PlatformRefused("no such reaction")
        await self._channel.count_call(address.key.channel)
        others = [one for one in self.reactions.get(message_id, []) if one != emoji]
        kept = [] if self._has_topics else others
        self.reactions[message_id] = kept if removes else [*kept, emoji]

    def fits_caption(self, caption: str) -> bool:
        """Return whether a text is short enough."""
        return len(caption) <= MAX_CAPTION_CHARS

    async def group_files(self, files: Sequence[LocalFile]) -> Sequence[Sequence[LocalFile]]:
        """Return files of one family together, as in Telegram's albums; without topics all of them."""
        groups: dict[str, list[LocalFile]] = {}
        for file in files:
            family = file.media_type.partition("/")[0] if self._has_topics else ""
            groups.setdefault(family, []).append(file)
        return list(groups.values())

    async def send_files(
        self, address: Address, files: Sequence[LocalFile], *, caption: str
    ) -> Sequence[MessageRef]:
        """Show files in one message, or each in its own if there are topics; those of one call as one album.

        Raises:
            PlatformRefused: one is empty or broken, or the caption too long.
            PlatformOutcomeUnknown: a lost reply was ordered; the files are shown.
        """
        channel = address.key.channel
        if channel in self._channel.failures.forbidden:
            raise PlatformForbidden("the bot was removed")
        contents = [await asyncio.to_thread(file.path.read_bytes) for file in files]
        if not all(contents) or self.broken_files & set(contents) or not self.fits_caption(caption):
            raise PlatformRefused("an empty or broken file, or a long caption")
        await self._channel.count_call(channel)
        self.sent_files.append(tuple(file.name for file in files))
        shares = [(one,) for one in contents] if self._has_topics else [tuple(contents)]
        shown = [
            self._channel.screen.post(
                FakeMessage(
                    channel=channel,
                    message_id="",
                    text="" if number else caption,
                    idempotency_key="",
                    thread=address.key.thread,
                    reply_to=address.reply_to,
                    files=share,
                )
            )
            for number, share in enumerate(shares)
        ]
        if self._channel.failures.take_lost_reply():
            raise PlatformOutcomeUnknown("the reply was lost")
        return [one.ref for one in shown]

    async def find_files(
        self, address: Address, files: Sequence[LocalFile], *, exclude: frozenset[str]
    ) -> Sequence[MessageRef]:
        """Find a message with these files; nothing if there are topics, as on Telegram."""
        contents = [await asyncio.to_thread(file.path.read_bytes) for file in files]
        key = address.key
        return [
            one.ref
            for one in self._channel.screen.messages.values()
            if not self._has_topics
            and (one.channel, one.thread, one.files) == (key.channel, key.thread, tuple(contents))
            and one.message_id not in exclude
        ][:1]

    async def edit_caption(self, ref: MessageRef, caption: str) -> None:
        """Replace a caption.

        Raises:
            PlatformRefused: it is too long.
            MessageGone: the message was deleted.
        """
        shown = self._channel.screen.get(ref.message_id)
        if not self.fits_caption(caption):
            raise PlatformRefused("a long caption")
        await self._channel.count_call(ref.channel)
        self._channel.screen.edit(replace(shown, text=caption))
