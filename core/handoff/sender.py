"""Sending of outbox items to platforms: texts, reactions and topics, within the budgets of all messages."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import structlog

from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.message_operations import AnswerButtons
from core.delivery.message_target import MessageTarget
from core.delivery.single_call import CallRequest
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import MessageRef, PlatformAction
from core.domain.buttons import OptionButton
from core.domain.errors import MessageGone, PlatformForbidden, PlatformRefused
from core.handoff.file_sender import FileSender, OnRefs
from core.handoff.platforms import HandoffPlatforms
from core.store.handoffs import Handoff
from core.store.outbox import OutboxItem

log = structlog.get_logger(__name__)

T = TypeVar("T")


class HandoffSender:
    """Shows texts and reactions, opens and closes topics; :attr:`files` sends files."""

    def __init__(
        self, dispatcher: DeliveryDispatcher, platforms: HandoffPlatforms, *, temp_folder: Path | None = None
    ) -> None:
        """``temp_folder`` holds files while they are relayed; None: the system's temporary folder."""
        self._dispatcher = dispatcher
        self.platforms = platforms
        self.files = FileSender(dispatcher, platforms, temp_folder=temp_folder)

    def serves(self, key: ThreadKey) -> bool:
        """Return whether this process is connected to a conversation's platform as its tenant."""
        return self.platforms.serves(key)

    async def deliver_text(
        self,
        item: OutboxItem,
        address: Address,
        text: str,
        buttons: tuple[OptionButton, ...],
        *,
        refs: Sequence[MessageRef],
        known_message_ids: frozenset[str],
        on_refs: OnRefs,
    ) -> None:
        """Show a text with its buttons.

        Args:
            item: the outbox item that asks for it.
            address: where it is shown.
            text: Markdown; "" deletes the messages in ``refs``.
            buttons: under the last message.
            refs: messages that show an earlier version; they are edited.
            known_message_ids: our messages that an earlier attempt at this item cannot have posted.
            on_refs: stores the references of new messages.

        Raises:
            PlatformError: it cannot be shown.
        """
        channel = self.platforms.channels.get(address.key.platform)
        if channel is None:
            raise PlatformForbidden(f"{address.key.platform} is not connected")
        target = MessageTarget(
            channel=channel,
            address=address,
            idempotency_key=f"desk{item.id}",
            on_refs_changed=on_refs,
            question_id=address.key.thread,
            refs=refs,
            known_message_ids=known_message_ids,
            post_uncertain=item.attempt > 1 and not refs,
        )
        message = self._dispatcher.open(target, buttons=AnswerButtons(final=buttons), show_status=False)
        try:
            if text:
                message.append(text)
            await message.finish()
        finally:
            message.close()

    async def react(self, item: OutboxItem, address: Address) -> bool:
        """Put an item's emoji on a person's message, or take it away; return False if that cannot be done.

        Raises:
            PlatformError: the platform cannot be reached.
        """
        room, content = self.platforms.room(address.key.platform), item.content
        try:
            await self._dispatcher.call(
                CallRequest(
                    platform=address.key.platform,
                    action=PlatformAction.REACTION,
                    cost=tuple(room.reaction_cost(address)),
                    send=lambda: room.set_reaction(
                        address, content.reply_to, content.reaction, removes=content.removes
                    ),
                )
            )
        except (PlatformRefused, PlatformForbidden, MessageGone) as exc:
            log.info("handoff.reaction_not_shown", item=item.id, error=str(exc))
            return False
        return True

    def with_quote(self, item: OutboxItem, platform: str, text: str | None = None) -> str:
        """Return a text below the message that it replies to, if the platform does not show that itself.

        Args:
            item: the row of the text.
            platform: on which it is shown.
            text: another text than the row's own.
        """
        content = item.content
        text = content.text if text is None else text
        if not (text and content.quote):
            return text
        room = self.platforms.rooms.get(platform)
        shown = room is not None and room.shows_replies and bool(content.reply_to)
        return text if shown else f"{content.quote}\n\n{text}"

    async def open_topic(self, handoff: Handoff, title: str) -> str:
        """Open a handoff's topic; return its thread, or "" if its first message will be that.

        Raises:
            PlatformError: the topic cannot be opened.
        """
        room, channel = self.platforms.room(handoff.desk_room.platform), handoff.desk_room.channel
        return await self._call_topic(handoff, lambda: room.open_topic(channel, title))

    async def close_topic(self, handoff: Handoff) -> None:
        """Close a handoff's topic; one that cannot be closed stays open.

        Raises:
            PlatformError: other than a refusal.
        """
        room, channel = self.platforms.room(handoff.desk_room.platform), handoff.desk_room.channel
        try:
            await self._call_topic(handoff, lambda: room.close_topic(channel, handoff.desk_thread))
        except PlatformRefused as exc:
            log.info("handoff.topic_not_closed", handoff=handoff.id, error=str(exc))

    async def _call_topic(self, handoff: Handoff, send: Callable[[], Awaitable[T]]) -> T:
        room = self.platforms.room(handoff.desk_room.platform)
        cost = tuple(room.topic_cost(handoff.desk_room.channel))
        if not cost:
            return await send()
        return await self._dispatcher.call(
            CallRequest(
                platform=handoff.desk_room.platform, action=PlatformAction.TOPIC, cost=cost, send=send
            )
        )
