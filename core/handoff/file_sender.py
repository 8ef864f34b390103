"""Sending of people's files: copied by the platform, or downloaded and uploaded again, alone or together."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import structlog

from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.single_call import CallRequest
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef, PlatformAction
from core.domain.errors import DownloadRefused, MessageGone, PlatformError, PlatformRefused
from core.domain.message_content import Attachment, AttachmentKind
from core.handoff.platforms import HandoffPlatforms
from core.ports.handoff_rooms import HandoffRooms, LocalFile
from core.store.outbox import OutboxItem

log = structlog.get_logger(__name__)

MAX_FILE_BYTES = 20_000_000  #: Telegram's Bot API lets a bot download as much

OnRefs: TypeAlias = Callable[[Sequence[MessageRef]], Awaitable[None]]
OnAlbumRefs: TypeAlias = Callable[[Sequence[OutboxItem], Sequence[MessageRef]], Awaitable[None]]


class FileSender:
    """Sends files and albums within the budgets of all messages."""

    def __init__(
        self, dispatcher: DeliveryDispatcher, platforms: HandoffPlatforms, *, temp_folder: Path | None = None
    ) -> None:
        """``temp_folder`` holds files while they are relayed; None: the system's temporary folder."""
        self._dispatcher = dispatcher
        self._platforms = platforms
        self._temp_folder = temp_folder

    async def copy_messages(self, items: Sequence[OutboxItem], address: Address, *, on_refs: OnRefs) -> bool:
        """Copy people's messages of one chat to ``address``; return False if they cannot be copied.

        Nothing is done if an earlier attempt copied them.

        Raises:
            PlatformError: the address cannot be reached.
        """
        first = items[0]
        if first.refs:
            return True
        if first.source.platform != address.key.platform or not first.source.message_id:
            return False
        room, ids = self._platforms.room(address.key.platform), [one.source.message_id for one in items]
        try:
            await self._dispatcher.call(
                CallRequest(
                    platform=address.key.platform,
                    action=PlatformAction.FILE,
                    cost=tuple(room.file_cost(address, len(ids))),
                    send=lambda: room.copy_messages(address, first.source.channel, ids),
                    on_sent=on_refs,
                )
            )
        except PlatformRefused as exc:
            log.info("handoff.message_not_copied", item=first.id, error=str(exc))
            return False
        return True

    async def send_file(
        self, item: OutboxItem, address: Address, *, known_message_ids: frozenset[str], on_refs: OnRefs
    ) -> None:
        """Download a person's file and send it to ``address``; nothing if an earlier attempt sent it.

        Args:
            item: a row with a file.
            address: where it is shown.
            known_message_ids: our messages that no attempt at this row has posted.
            on_refs: stores the reference of the message.

        Raises:
            PlatformError: it can be neither downloaded nor sent.
        """
        if item.content.file is None or item.refs:
            return
        async with self._open_folder() as folder:
            file = await self._download(item, folder / "file")
            sending = _Sending(
                room=self._platforms.room(address.key.platform),
                address=address,
                files=[file],
                known_message_ids=known_message_ids,
                uncertain=item.attempt > 1,
            )
            await self._send(sending, on_refs)

    async def send_album(
        self,
        items: Sequence[OutboxItem],
        address: Address,
        *,
        caption: str,
        known_message_ids: frozenset[str],
        on_refs: OnAlbumRefs,
    ) -> Sequence[OutboxItem]:
        """Download people's files and send them together; return those that can only be sent alone.

        A platform may need several messages or albums for them; the caption is at the first.

        Args:
            items: rows with files that no earlier attempt has sent.
            address: where they are shown.
            caption: Markdown, short enough for the platform; may be "".
            known_message_ids: our messages that no attempt at these rows has posted.
            on_refs: stores the references of the messages that show some of the items.

        Raises:
            PlatformError: the address cannot be reached; what ``on_refs`` was not told of is not sent.
        """
        room, known = self._platforms.room(address.key.platform), set(known_message_ids)

        async def note(rows: Sequence[OutboxItem], refs: Sequence[MessageRef]) -> None:
            known.update(ref.message_id for ref in refs)
            await on_refs(rows, refs)

        async with self._open_folder() as folder:
            of_file = await self._download_parts(items, folder)
            alone = [item for item in items if item not in of_file.values()]
            for group in await room.group_files(list(of_file)):
                rows = [of_file[file] for file in group]
                sending = _Sending(
                    room=room,
                    address=address,
                    files=group,
                    caption=caption,
                    known_message_ids=known,
                    uncertain=any(row.attempt > 1 for row in rows),
                )
                try:
                    await self._send(sending, partial(note, rows))
                except PlatformRefused as exc:
                    log.info("handoff.album_refused", items=len(rows), error=str(exc))
                    alone += rows
                else:
                    caption = ""
        return alone

    async def _download_parts(
        self, items: Sequence[OutboxItem], folder: Path
    ) -> Mapping[LocalFile, OutboxItem]:
        """Return the files of an album that can be downloaded, with their rows."""
        of_file: dict[LocalFile, OutboxItem] = {}
        for item in items:
            try:
                file = await self._download(item, folder / f"file{item.id}")
            except PlatformError as exc:
                log.info("handoff.album_part_not_fetched", item=item.id, error=str(exc))
            else:
                of_file[file] = item
        return of_file

    async def edit_caption(self, ref: MessageRef, address: Address, caption: str) -> bool:
        """Replace the caption of a message with files; return False if it cannot be replaced.

        Raises:
            PlatformError: the platform cannot be reached.
        """
        room = self._platforms.room(address.key.platform)
        channel = self._platforms.channels[address.key.platform]
        try:
            await self._dispatcher.call(
                CallRequest(
                    platform=address.key.platform,
                    action=PlatformAction.EDIT,
                    cost=channel.delivery_modes(address)[-1].finalize_cost,
                    send=lambda: room.edit_caption(ref, caption),
                )
            )
        except (PlatformRefused, MessageGone) as exc:
            log.info("handoff.caption_not_edited", error=str(exc))
            return False
        return True

    async def _send(self, sending: "_Sending", on_refs: OnRefs) -> None:
        address = sending.address
        await self._dispatcher.call(
            CallRequest(
                platform=address.key.platform,
                action=PlatformAction.FILE,
                cost=tuple(sending.room.file_cost(address, len(sending.files))),
                send=sending,
                on_sent=on_refs,
            )
        )

    async def _download(self, item: OutboxItem, path: Path) -> LocalFile:
        file, source = item.content.file, item.content.platform
        if file is None or source not in self._platforms.downloaders:
            raise DownloadRefused(f"{source} is not connected, or has no downloads", reason="forbidden")
        try:
            await self._platforms.downloaders[source].download(file, path, limit_bytes=MAX_FILE_BYTES)
        except OSError as exc:
            raise PlatformError(f"no room for a file: {exc.strerror}") from exc
        return LocalFile(path=path, name=file_name(file), media_type=file.media_type)

    @asynccontextmanager
    async def _open_folder(self) -> AsyncIterator[Path]:
        """Make a folder for files, which is removed at the end of the block."""
        parent = self._temp_folder
        if parent is not None:
            await asyncio.to_thread(parent.mkdir, parents=True, exist_ok=True)
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="relay-", dir=parent))
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


@dataclass(slots=True, kw_only=True)
class _Sending:
    """The call that shows files; a repeated one looks first whether the former has shown them."""

    room: HandoffRooms
    address: Address
    files: Sequence[LocalFile]
    caption: str = ""
    known_message_ids: AbstractSet[str]
    uncertain: bool  #: an earlier call may have shown them

    async def __call__(self) -> Sequence[MessageRef]:
        """Show the files, and return their messages."""
        if self.uncertain:
            exclude = frozenset(self.known_message_ids)
            found = await self.room.find_files(self.address, self.files, exclude=exclude)
            if found:
                return found
        self.uncertain = True
        return await self.room.send_files(self.address, self.files, caption=self.caption)


def file_name(file: Attachment) -> str:
    """Return a file's name, made up from its kind and type if it has none."""
    if file.name:
        return file.name
    subtype = file.media_type.partition("/")[2].partition(";")[0] or "bin"
    extension = {"jpeg": "jpg", "quicktime": "mov"}.get(subtype, subtype)
    return f"{'picture' if file.kind is AttachmentKind.PICTURE else file.kind.value}.{extension}"
