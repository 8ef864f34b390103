"""How Telegram shows files: as a photo, recording or video if possible, else as a document; and in albums.

Voice messages are Ogg with Opus, audio is MP3 or M4A and video is MPEG4
(https://core.telegram.org/bots/api#sendvoice). An album has 2 to 10 items: photos and videos, or documents
alone, or audio files alone (https://core.telegram.org/bots/api#sendmediagroup). Our choice: together they are
at most as large as one file may be.
"""

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from core.ports.handoff_rooms import LocalFile

PHOTO_LIMIT_BYTES: Final = 10_000_000
CLOUD_LIMIT_BYTES: Final = 50_000_000
MAX_ALBUM_ITEMS: Final = 10
PHOTO_TYPES: Final = frozenset({"image/jpeg", "image/png", "image/webp"})
_MP4_BRAND = b"ftyp"  #: at the fifth byte of M4A and MPEG4 files
_HEAD_BYTES = 64


class UploadKind(StrEnum):
    """How Telegram shows a file; the value is the parameter of its method."""

    PHOTO = "photo"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


_ALBUM_OF: Final[Mapping[UploadKind, UploadKind]] = {
    UploadKind.PHOTO: UploadKind.PHOTO,
    UploadKind.VIDEO: UploadKind.PHOTO,
    UploadKind.AUDIO: UploadKind.AUDIO,
    UploadKind.DOCUMENT: UploadKind.DOCUMENT,
}
"""The albums that take files of a kind; a voice message is in none."""


def upload_kind(media_type: str, head: bytes, size_bytes: int) -> UploadKind:
    """Return how a file can be shown, by its type, its first bytes and its size."""
    family, is_mp4 = media_type.partition("/")[0], head[4:8] == _MP4_BRAND
    if media_type in PHOTO_TYPES and size_bytes <= PHOTO_LIMIT_BYTES:
        return UploadKind.PHOTO
    if family == "audio" and head.startswith(b"OggS") and b"OpusHead" in head[:_HEAD_BYTES]:
        return UploadKind.VOICE
    if family == "audio" and (is_mp4 or head.startswith((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"))):
        return UploadKind.AUDIO
    if family == "video" and is_mp4:
        return UploadKind.VIDEO
    return UploadKind.DOCUMENT


async def group_files(files: Sequence[LocalFile]) -> Sequence[Sequence[LocalFile]]:
    """Return files in the albums that Telegram takes, in the order of their first files.

    Raises:
        OSError: a file cannot be read.
    """
    return [[files[at] for at in group] for group in form_groups(await asyncio.to_thread(_examine, files))]


def form_groups(files: Sequence[tuple[UploadKind, int]]) -> list[list[int]]:
    """Return the indexes of files, given as (kind, bytes), in albums."""
    groups: list[list[int]] = []
    open_groups: dict[UploadKind, list[int]] = {}
    for at, (kind, size_bytes) in enumerate(files):
        album = _ALBUM_OF.get(kind)
        group = open_groups.get(album) if album is not None else None
        bytes_before = sum(files[one][1] for one in group or ())
        if group is None or len(group) == MAX_ALBUM_ITEMS or bytes_before + size_bytes > CLOUD_LIMIT_BYTES:
            group = []
            groups.append(group)
            if album is not None:
                open_groups[album] = group
        group.append(at)
    return groups


def _examine(files: Sequence[LocalFile]) -> list[tuple[UploadKind, int]]:
    """Return kind and size of files on the disk."""
    found = []
    for file in files:
        size = file.path.stat().st_size
        found.append((upload_kind(file.media_type, _read_head(file.path), size), size))
    return found


def _read_head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_HEAD_BYTES)
