"""Reads the table of contents of a ZIP archive without unpacking anything, within bounds.

:mod:`zipfile` builds an object for every entry of a table of any size before it can be asked how many
there are: 19 MB of empty entries take 150 MB. The layout is that of PKWARE's APPNOTE.TXT, 4.3.12 and
4.3.16; an archive below 4 GB with fewer than 65,535 entries needs no ZIP64 record.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_ENTRIES: Final = 10_000
MAX_TABLE_BYTES: Final = 1024 * 1024
_MAX_COMMENT_BYTES: Final = 0xFFFF
_END = struct.Struct("<4sHHHHIIH")
_END_SIGNATURE: Final = b"PK\x05\x06"
_ENTRY = struct.Struct("<4sHHHHHHIIIHHHHHII")
_ENTRY_SIGNATURE: Final = b"PK\x01\x02"


class ZipCorrupt(Exception):
    """The archive has no table of contents, or one that is damaged."""


class ZipTooLarge(Exception):
    """The table of contents has more entries or bytes than an Office file needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZipEntry:
    """One entry of an archive."""

    name: str
    encrypted: bool


def read_zip_directory(path: Path) -> Sequence[ZipEntry]:
    """Return an archive's entries.

    Raises:
        ZipCorrupt: it is no archive, or damaged.
        ZipTooLarge: it has too many entries.
        OSError: it cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, 2)
        tail_at = stream.seek(max(0, size - _END.size - _MAX_COMMENT_BYTES))
        tail = stream.read()
        last = max(0, len(tail) - _END.size + len(_END_SIGNATURE))
        end = tail.rfind(_END_SIGNATURE, 0, last)
        if end < 0:
            raise ZipCorrupt("no end record")
        _, _, _, _, count, table_bytes, _, _ = _END.unpack_from(tail, end)
        if count > MAX_ENTRIES or table_bytes > MAX_TABLE_BYTES:
            raise ZipTooLarge(f"{count} entries, {table_bytes} bytes")
        # By its size and not its offset, because other bytes may stand before the archive.
        if (start := tail_at + end - table_bytes) < 0:
            raise ZipCorrupt("the table begins before the file")
        stream.seek(start)
        return list(_parse_table(stream.read(table_bytes)))


def _parse_table(table: bytes) -> Iterator[ZipEntry]:
    at = 0
    while at < len(table):
        if at + _ENTRY.size > len(table):
            raise ZipCorrupt("an entry is cut off")
        signature, _, _, flags, *_ = fields = _ENTRY.unpack_from(table, at)
        if signature != _ENTRY_SIGNATURE:
            raise ZipCorrupt("an entry has no signature")
        name_bytes, extra_bytes, comment_bytes = fields[10:13]
        name_at = at + _ENTRY.size
        name = table[name_at : name_at + name_bytes].decode("utf-8", "replace")
        yield ZipEntry(name=name, encrypted=bool(flags & 1))
        at = name_at + name_bytes + extra_bytes + comment_bytes
