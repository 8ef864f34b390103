"""Sending of outbox items to platforms: texts, files and topics, within the budgets of all messages."""

import asyncio
import shutil
import tempfile
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
from core.domain.errors import DownloadRefused, MessageGone, PlatformError, PlatformForbidden, PlatformRefused
from core.domain.message_content import Attachment, AttachmentKind
from core.handoff.platforms import HandoffPlatforms
from core.store.handoffs import Handoff
from core.store.outbox import OutboxItem, SourceMessage

log = structlog.get_logger(__name__)

MAX_FILE_BYTES = 20_000_000  #: Telegram's Bot API lets a bot download as much

T = TypeVar("T")

OnRefs = Callable[[Sequence[MessageRef]], Awaitable[None]]


class HandoffSender:
    """Shows texts, sends files, opens and closes topics."""

    def __init__(
        self, dispatcher: DeliveryDispatcher, platforms: HandoffPlatforms, *, temp_folder: Path | None = None
    ) -> None:
        """``temp_folder`` holds files while they are relayed; None: the system's temporary folder."""
        self._dispatcher = dispatcher
        self.platforms = platforms
        self._temp_folder = temp_folder

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

    async def copy_messages(
        self, item: OutboxItem, sources: Sequence[SourceMessage], address: Address, *, on_refs: OnRefs
    ) -> bool:
        """Copy people's messages of one chat to ``address``; return False if they cannot be copied.

        Nothing is done if an earlier attempt copied them.

        Raises:
            PlatformError: the address cannot be reached.
        """
        if item.refs:
            return True
        first = sources[0]
        if first.platform != address.key.platform or not first.message_id:
            return False
        room, ids = self.platforms.room(address.key.platform), [one.message_id for one in sources]
        try:
            await self._dispatcher.call(
                CallRequest(
                    platform=address.key.platform,
                    action=PlatformAction.FILE,
                    cost=tuple(room.file_cost(address)),
                    send=lambda: room.copy_messages(address, first.channel, ids),
                    on_sent=on_refs,
                )
            )
        except PlatformRefused as exc:
            log.info("handoff.message_not_copied", item=item.id, error=str(exc))
            return False
        return True

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

    async def send_file(self, item: OutboxItem, address: Address, *, on_refs: OnRefs) -> None:
        """Download a person's file and send it to ``address``; nothing if an earlier attempt sent it.

        Raises:
            PlatformError: it can be neither downloaded nor sent.
        """
        file, source = item.content.file, item.content.platform
        if file is None or item.refs:
            return
        if source not in self.platforms.downloaders:
            raise DownloadRefused(f"{source} is not connected, or has no downloads", reason="forbidden")
        room = self.platforms.room(address.key.platform)
        folder = Path(
            await asyncio.to_thread(tempfile.mkdtemp, prefix="relay-", dir=await self._ensure_temp_folder())
        )
        try:
            path = folder / "file"
            await self._download(file, source, path)

            async def send() -> MessageRef:
                return await room.send_file(
                    address,
                    path,
                    name=file_name(file),
                    media_type=file.media_type,
                    caption="",
                    idempotency_key=f"desk{item.id}:0",
                )

            async def save_ref(ref: MessageRef) -> None:
                await on_refs([ref])

            await self._dispatcher.call(
                CallRequest(
                    platform=address.key.platform,
                    action=PlatformAction.FILE,
                    cost=tuple(room.file_cost(address)),
                    send=send,
                    on_sent=save_ref,
                )
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

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

    async def _download(self, file: Attachment, source: str, path: Path) -> None:
        try:
            await self.platforms.downloaders[source].download(file, path, limit_bytes=MAX_FILE_BYTES)
        except OSError as exc:
            raise PlatformError(f"no room for a file: {exc.strerror}") from exc

    async def _ensure_temp_folder(self) -> str | None:
        """Return the folder for files, created if it is missing; None: the system's."""
        if self._temp_folder is None:
            return None
        await asyncio.to_thread(self._temp_folder.mkdir, parents=True, exist_ok=True)
        return str(self._temp_folder)


def file_name(file: Attachment) -> str:
    """Return a file's name, made up from its kind and type if it has none."""
    if file.name:
        return file.name
    subtype = file.media_type.partition("/")[2].partition(";")[0] or "bin"
    extension = {"jpeg": "jpg", "quicktime": "mov"}.get(subtype, subtype)
    return f"{'picture' if file.kind is AttachmentKind.PICTURE else file.kind.value}.{extension}"
