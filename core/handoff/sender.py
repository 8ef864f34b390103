"""Carries one row to where it is shown, through the courier like every other message."""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import structlog

from core.delivery.dispatcher import Courier
from core.domain.errors import SurfaceClosed, SurfaceError, SurfaceRefused
from core.domain.events import Address, Attachment, AttachmentKind, Choice, MessageRef
from core.handoff.one_shot_channel import SingleCall
from core.handoff.platforms import Platforms
from core.ports.platform import Surface
from core.store.handoffs import Handover
from core.store.outbox import Post

log = structlog.get_logger(__name__)

MOST_FILE_BYTES = 20_000_000  #: what Telegram's cloud lets a bot fetch; enough for a desk

OnRefs = Callable[[Sequence[MessageRef]], Awaitable[None]]


async def _forget(refs: Sequence[MessageRef]) -> None:
    """Keep nothing: a topic's reference is kept by whoever opened it."""


class Carriage:
    """Shows texts, sends files, opens and closes topics."""

    def __init__(self, courier: Courier, platforms: Platforms, *, folder: Path | None = None) -> None:
        """``folder`` is where files lie for as long as they are passed on."""
        self._courier = courier
        self.platforms = platforms
        self._folder = folder

    def serves(self, platform: str) -> bool:
        """Return whether this process can show anything on a platform."""
        return platform in self.platforms.surfaces

    async def show(
        self,
        post: Post,
        address: Address,
        text: str,
        choices: tuple[Choice, ...],
        *,
        refs: Sequence[MessageRef],
        known: frozenset[str],
        on_refs: OnRefs,
    ) -> None:
        """Bring a text onto the screen, into ``refs`` where it stands already; "" takes those away.

        Raises:
            SurfaceError: it cannot be shown.
        """
        surface = self.platforms.surfaces.get(address.key.platform)
        if surface is None:
            raise SurfaceClosed(f"{address.key.platform} is not connected")
        await self._carry(post, surface, address, text, choices, refs=refs, known=known, on_refs=on_refs)

    async def file(self, post: Post, address: Address, *, on_refs: OnRefs) -> None:
        """Fetch a person's file where it lies and send it on.

        Raises:
            SurfaceError: it cannot be had, or cannot be sent.
        """
        file, source = post.content.file, post.content.platform
        if file is None or post.refs:
            return
        downloads = self.platforms.downloads.get(source)
        if downloads is None:
            raise SurfaceClosed(f"files of {source} cannot be fetched")
        room = self.platforms.room(address.key.platform)
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="relay-", dir=await self._made()))
        try:
            path = folder / "file"
            await self._fetch(file, source, path)

            async def send(marker: str) -> MessageRef:
                return await room.send_file(
                    address,
                    path,
                    name=name_of(file),
                    media_type=file.media_type,
                    caption="",
                    marker=marker,
                )

            call = SingleCall(room.file_cost(address), send)
            await self._carry(
                post, call, address, name_of(file), (), refs=(), known=frozenset(), on_refs=on_refs
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def open_topic(self, post: Post, handover: Handover, title: str) -> str:
        """Open a handover's topic; return its thread, "" where its first message will be that.

        Raises:
            SurfaceError: there can be none.
        """
        room, channel = self.platforms.room(handover.desk.platform), handover.desk.channel
        cost = room.topic_cost(channel)
        if not cost:
            return await room.open_topic(channel, title)
        opened: list[str] = []

        async def call(marker: str) -> MessageRef:
            opened.append(await room.open_topic(channel, title))
            return MessageRef(channel=channel, message_id=opened[-1])

        address = self.platforms.desk_address(handover)
        await self._carry(
            post, SingleCall(cost, call), address, title, (), refs=(), known=frozenset(), on_refs=_forget
        )
        return opened[-1]

    async def seal(self, post: Post, handover: Handover) -> None:
        """Close a handover's topic; one that cannot be closed stays open."""
        room, channel = self.platforms.room(handover.desk.platform), handover.desk.channel
        cost = room.topic_cost(channel)

        async def call(marker: str) -> MessageRef:
            await room.close_topic(channel, handover.desk_thread)
            return MessageRef(channel=channel, message_id=handover.desk_thread)

        if not cost:
            await call("")
            return
        address = self.platforms.desk_address(handover)
        try:
            await self._carry(
                post, SingleCall(cost, call), address, "-", (), refs=(), known=frozenset(), on_refs=_forget
            )
        except SurfaceRefused as exc:
            log.info("topic_left_open", handover=handover.id, error=str(exc))

    async def _carry(
        self,
        post: Post,
        surface: Surface,
        address: Address,
        text: str,
        choices: tuple[Choice, ...],
        *,
        refs: Sequence[MessageRef],
        known: frozenset[str],
        on_refs: OnRefs,
    ) -> None:
        delivery = self._courier.open(
            surface,
            address,
            marker=f"desk{post.id}",
            on_refs=on_refs,
            question_id=address.key.thread,
            refs=refs,
            known=known,
            lost_post=post.run > 1 and not refs,
            show_status=False,
            final_controls=choices,
        )
        try:
            if text:
                delivery.append(text)
            await delivery.finish()
        finally:
            delivery.close()

    async def _fetch(self, file: Attachment, source: str, path: Path) -> None:
        try:
            await self.platforms.downloads[source].download(file, path, limit_bytes=MOST_FILE_BYTES)
        except OSError as exc:
            raise SurfaceError(f"no room for a file: {exc.strerror}") from exc

    async def _made(self) -> str | None:
        """Return the folder for files, made where it is missing."""
        if self._folder is None:
            return None
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        return str(self._folder)


def name_of(file: Attachment) -> str:
    """Return a file's name; pictures often come without one."""
    if file.name:
        return file.name
    ending = file.media_type.partition("/")[2].partition(";")[0] or "bin"
    ending = {"jpeg": "jpg", "quicktime": "mov"}.get(ending, ending)
    return f"{'picture' if file.kind is AttachmentKind.PICTURE else file.kind.value}.{ending}"
