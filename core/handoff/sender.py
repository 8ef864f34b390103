"""Carries one row to where it is shown, through the courier like every other message."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.buttons import OptionButton
from core.domain.errors import PlatformError, PlatformForbidden, PlatformRefused
from core.domain.message_content import Attachment, AttachmentKind
from core.handoff.one_shot_channel import OneShotChannel
from core.handoff.platforms import HandoffPlatforms
from core.ports.platform import MessageChannel
from core.store.handoffs import Handoff
from core.store.outbox import OutboxItem

log = structlog.get_logger(__name__)

MAX_FILE_BYTES = 20_000_000  #: what Telegram's cloud lets a bot fetch; enough for a desk

OnRefs = Callable[[Sequence[MessageRef]], Awaitable[None]]


async def _discard_refs(refs: Sequence[MessageRef]) -> None:
    """Keep nothing: a topic's reference is kept by whoever opened it."""


class HandoffSender:
    """Shows texts, sends files, opens and closes topics."""

    def __init__(
        self, dispatcher: DeliveryDispatcher, platforms: HandoffPlatforms, *, temp_folder: Path | None = None
    ) -> None:
        """``folder`` is where files lie for as long as they are passed on."""
        self._dispatcher = dispatcher
        self.platforms = platforms
        self._temp_folder = temp_folder

    def serves(self, platform: str) -> bool:
        """Return whether this process can show anything on a platform."""
        return platform in self.platforms.surfaces

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
        """Bring a text onto the screen, into ``refs`` where it stands already; "" takes those away.

        Raises:
            PlatformError: it cannot be shown.
        """
        surface = self.platforms.surfaces.get(address.key.platform)
        if surface is None:
            raise PlatformForbidden(f"{address.key.platform} is not connected")
        await self._deliver(
            item,
            surface,
            address,
            text,
            buttons,
            refs=refs,
            known_message_ids=known_message_ids,
            on_refs=on_refs,
        )

    async def send_file(self, item: OutboxItem, address: Address, *, on_refs: OnRefs) -> None:
        """Fetch a person's file where it lies and send it on.

        Raises:
            PlatformError: it cannot be had, or cannot be sent.
        """
        file, source = item.content.file, item.content.platform
        if file is None or item.refs:
            return
        downloads = self.platforms.downloads.get(source)
        if downloads is None:
            raise PlatformForbidden(f"files of {source} cannot be fetched")
        room = self.platforms.room(address.key.platform)
        folder = Path(
            await asyncio.to_thread(tempfile.mkdtemp, prefix="relay-", dir=await self._ensure_temp_folder())
        )
        try:
            path = folder / "file"
            await self._download(file, source, path)

            async def send(marker: str) -> MessageRef:
                return await room.send_file(
                    address,
                    path,
                    name=file_name(file),
                    media_type=file.media_type,
                    caption="",
                    idempotency_key=marker,
                )

            call = OneShotChannel(room.file_cost(address), send)
            await self._deliver(
                item,
                call,
                address,
                file_name(file),
                (),
                refs=(),
                known_message_ids=frozenset(),
                on_refs=on_refs,
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def open_topic(self, item: OutboxItem, handoff: Handoff, title: str) -> str:
        """Open a handover's topic; return its thread, "" where its first message will be that.

        Raises:
            PlatformError: there can be none.
        """
        room, channel = self.platforms.room(handoff.desk_room.platform), handoff.desk_room.channel
        cost = room.topic_cost(channel)
        if not cost:
            return await room.open_topic(channel, title)
        opened: list[str] = []

        async def call(marker: str) -> MessageRef:
            opened.append(await room.open_topic(channel, title))
            return MessageRef(channel=channel, message_id=opened[-1])

        address = self.platforms.desk_address(handoff)
        await self._deliver(
            item,
            OneShotChannel(cost, call),
            address,
            title,
            (),
            refs=(),
            known_message_ids=frozenset(),
            on_refs=_discard_refs,
        )
        return opened[-1]

    async def close_topic(self, item: OutboxItem, handoff: Handoff) -> None:
        """Close a handover's topic; one that cannot be closed stays open."""
        room, channel = self.platforms.room(handoff.desk_room.platform), handoff.desk_room.channel
        cost = room.topic_cost(channel)

        async def call(marker: str) -> MessageRef:
            await room.close_topic(channel, handoff.desk_thread)
            return MessageRef(channel=channel, message_id=handoff.desk_thread)

        if not cost:
            await call("")
            return
        address = self.platforms.desk_address(handoff)
        try:
            await self._deliver(
                item,
                OneShotChannel(cost, call),
                address,
                "-",
                (),
                refs=(),
                known_message_ids=frozenset(),
                on_refs=_discard_refs,
            )
        except PlatformRefused as exc:
            log.info("handoff.topic_not_closed", handover=handoff.id, error=str(exc))

    async def _deliver(
        self,
        item: OutboxItem,
        surface: MessageChannel,
        address: Address,
        text: str,
        buttons: tuple[OptionButton, ...],
        *,
        refs: Sequence[MessageRef],
        known_message_ids: frozenset[str],
        on_refs: OnRefs,
    ) -> None:
        delivery = self._dispatcher.open(
            surface,
            address,
            idempotency_key=f"desk{item.id}",
            on_refs_changed=on_refs,
            question_id=address.key.thread,
            refs=refs,
            known_message_ids=known_message_ids,
            post_uncertain=item.attempt > 1 and not refs,
            show_status=False,
            final_buttons=buttons,
        )
        try:
            if text:
                delivery.append(text)
            await delivery.finish()
        finally:
            delivery.close()

    async def _download(self, file: Attachment, source: str, path: Path) -> None:
        try:
            await self.platforms.downloads[source].download(file, path, limit_bytes=MAX_FILE_BYTES)
        except OSError as exc:
            raise PlatformError(f"no room for a file: {exc.strerror}") from exc

    async def _ensure_temp_folder(self) -> str | None:
        """Return the folder for files, made where it is missing."""
        if self._temp_folder is None:
            return None
        await asyncio.to_thread(self._temp_folder.mkdir, parents=True, exist_ok=True)
        return str(self._temp_folder)


def file_name(file: Attachment) -> str:
    """Return a file's name; pictures often come without one."""
    if file.name:
        return file.name
    ending = file.media_type.partition("/")[2].partition(";")[0] or "bin"
    ending = {"jpeg": "jpg", "quicktime": "mov"}.get(ending, ending)
    return f"{'picture' if file.kind is AttachmentKind.PICTURE else file.kind.value}.{ending}"
