"""Content of files: text or bytes, stored once for identical bytes, and where Kimi holds them.

A content that no file refers to any more is deleted at Kimi first, then here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, exists, select, update
from sqlalchemy.engine import Row

from core.domain.file_states import ContentState, FileState, FileType
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_B, _F = schema.file_blobs, schema.files


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What is known of identical files, without their text and bytes."""

    hash: str  #: SHA-256 of the bytes, in hexadecimal
    file_type: FileType
    media_type: str
    size_bytes: int
    state: ContentState
    tokens: int  #: estimated
    account: str = ""  #: Kimi account that holds it; "" if none does
    kimi_id: str = ""  #: its id there; "" if it is not known


_COLUMNS = (
    _B.c.hash,
    _B.c.file_type,
    _B.c.media_type,
    _B.c.size_bytes,
    _B.c.state,
    _B.c.tokens,
    _B.c.account,
    _B.c.kimi_id,
)


async def get_content(tx: Transaction, hash_: str) -> FileContent | None:
    """Return a content by its hash; None if it was never read."""
    return (await load_contents(tx, [hash_])).get(hash_)


async def load_contents(tx: Transaction, hashes: Sequence[str]) -> Mapping[str, FileContent]:
    """Return contents by their hashes; those that were never read are left out."""
    if not hashes:
        return {}
    query = select(*_COLUMNS).where(_B.c.hash.in_(set(hashes)))
    return {row.hash: _content(row) for row in await tx.execute(query)}


async def get_content_by_kimi_id(tx: Transaction, kimi_id: str) -> FileContent | None:
    """Return the content that Kimi holds under an id; None if there is none."""
    row = (await tx.execute(select(*_COLUMNS).where(_B.c.kimi_id == kimi_id).limit(1))).one_or_none()
    return None if row is None else _content(row)


async def get_text(tx: Transaction, hash_: str) -> str:
    """Return the text of a document; "" if it has none."""
    text = (await tx.execute(select(_B.c.text).where(_B.c.hash == hash_))).scalar_one_or_none()
    return text or ""


async def get_data(tx: Transaction, hash_: str) -> bytes | None:
    """Return the bytes of a small picture; None if they are not stored."""
    data: bytes | None = (await tx.execute(select(_B.c.data).where(_B.c.hash == hash_))).scalar_one_or_none()
    return data


async def save_content(
    tx: Transaction, content: FileContent, *, text: str | None = None, data: bytes | None = None
) -> None:
    """Replace the stored content of a hash."""
    now = utc_now()
    values: dict[str, Any] = {
        "file_type": content.file_type,
        "media_type": content.media_type[:128],
        "size_bytes": content.size_bytes,
        "state": content.state,
        "text": text,
        "data": data,
        "tokens": content.tokens,
        "account": content.account,
        "kimi_id": content.kimi_id,
        "used_at": now,
    }
    stored = upsert(tx, _B).values(hash=content.hash, created_at=now, **values)
    await tx.execute(stored.on_conflict_do_update(index_elements=["hash"], set_=values))


async def mark_used(tx: Transaction, hashes: Sequence[str]) -> None:
    """Set the time of last use to now: an account's least recently used contents are deleted first."""
    await tx.execute(update(_B).where(_B.c.hash.in_(hashes)).values(used_at=utc_now()))


async def mark_unreferenced(tx: Transaction, *, account: str, limit: int) -> Sequence[FileContent]:
    """Mark contents that no file refers to, so that nothing uses them any more, and return them.

    Only contents that ``account`` can delete at Kimi. They stay stored until :func:`remove_content`.
    """
    unreferenced = (
        select(_B.c.hash)
        .where(~exists().where(_F.c.hash == _B.c.hash), _B.c.account.in_(("", account)))
        .limit(limit)
    )
    marked = update(_B).where(_B.c.hash.in_(unreferenced.scalar_subquery()))
    rows = await tx.execute(marked.values(state=ContentState.UNREFERENCED).returning(*_COLUMNS))
    return [_content(row) for row in rows]


async def remove_content(tx: Transaction, hash_: str) -> None:
    """Delete a content, unless it was read again since it was marked as unreferenced."""
    await tx.execute(delete(_B).where(_B.c.hash == hash_, _B.c.state == ContentState.UNREFERENCED))


async def load_uploaded(tx: Transaction, account: str) -> Sequence[FileContent]:
    """Return everything that a Kimi account holds for us, least recently used first."""
    query = select(*_COLUMNS).where(_B.c.account == account, _B.c.kimi_id != "").order_by(_B.c.used_at)
    return [_content(row) for row in await tx.execute(query)]


async def mark_deleted_at_kimi(tx: Transaction, hash_: str) -> None:
    """Record that Kimi no longer holds a content.

    A stored text or picture stays; without one the files are read again when they are needed.
    """
    deleted = await tx.execute(delete(_B).where(_B.c.hash == hash_, _B.c.text.is_(None), _B.c.data.is_(None)))
    if deleted.rowcount:
        await tx.execute(update(_F).where(_F.c.hash == hash_).values(state=FileState.NEW, hash=""))
    else:
        await tx.execute(update(_B).where(_B.c.hash == hash_).values(account="", kimi_id=""))


def _content(row: Row[*tuple[Any, ...]]) -> FileContent:
    return FileContent(
        hash=row.hash,
        file_type=row.file_type,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        state=row.state,
        tokens=row.tokens,
        account=row.account,
        kimi_id=row.kimi_id,
    )
