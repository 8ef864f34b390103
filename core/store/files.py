"""What people sent beside their words, and what was read in it.

A *file* belongs to the message it came with; a *content* is the same bytes, however often they were
sent. A content that no file refers to any more is an orphan: it is deleted at Kimi, then here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, exists, func, insert, select, update
from sqlalchemy.engine import Row

from core.domain.file_states import ContentState, FileFault, FileState, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.turns import NO_NOTICE
from core.store.upsert import insert as upsert

_F = schema.files
_C = schema.contents
_M = schema.messages
_T = schema.turns
_CONVERSATIONS = schema.conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One attachment of one message."""

    id: int
    conversation_id: int
    seq: int  #: of the message it came with
    position: int  #: within that message, from 0
    author_id: str
    attachment: Attachment
    state: FileState
    fault: FileFault | None  #: why it was not read; None if it was, or is still to be read
    hash: str  #: of its content; "" until that is known
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContent:
    """What is known of the same bytes, but for the bytes and words themselves."""

    hash: str
    kind: FileType
    media_type: str
    size_bytes: int
    state: ContentState
    tokens: int  #: estimated
    account: str = ""  #: whose file it is at Kimi; "" where Kimi has none
    kimi_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessedFile:
    """A file that was read, with its content."""

    file: File
    content: FileContent


async def add(
    tx: Transaction,
    *,
    conversation_id: int,
    seq: int,
    author_id: str,
    attachments: Sequence[Attachment],
    hashes: Sequence[str] = (),
) -> None:
    """Note what came with a message; with ``hashes`` it has been read before."""
    if not attachments:
        return
    taken = select(func.coalesce(func.max(_F.c.position) + 1, 0)).where(
        _F.c.conversation_id == conversation_id, _F.c.seq == seq
    )
    first = (await tx.execute(taken)).scalar_one()
    for index, attachment in enumerate(attachments):
        await tx.execute(
            insert(_F).values(
                conversation_id=conversation_id,
                seq=seq,
                position=first + index,
                author_id=author_id,
                kind=attachment.kind.value,
                name=attachment.name[:255],
                media_type=attachment.media_type[:128],
                size_bytes=attachment.size_bytes,
                source=dict(attachment.source),
                state=(FileState.READY if hashes else FileState.NEW).value,
                hash=hashes[index] if hashes else "",
                created_at=utc_now(),
            )
        )


async def load(tx: Transaction, conversation_id: int, *, after_seq: int, up_to_seq: int) -> Sequence[File]:
    """Return a conversation's files with ``after_seq < seq <= up_to_seq``, oldest first."""
    query = (
        select(_F)
        .where(_F.c.conversation_id == conversation_id, _F.c.seq > after_seq, _F.c.seq <= up_to_seq)
        .order_by(_F.c.seq, _F.c.position)
    )
    return [_file(row) for row in await tx.execute(query)]


async def load_processed(
    tx: Transaction, conversation_id: int, *, after_seq: int, up_to_seq: int
) -> Sequence[ProcessedFile]:
    """Return those of :func:`of` that were read, with their contents."""
    found = await load(tx, conversation_id, after_seq=after_seq, up_to_seq=up_to_seq)
    contents = await _load_contents(tx, [file.hash for file in found if file.state is FileState.READY])
    return [ProcessedFile(file=file, content=contents[file.hash]) for file in found if file.hash in contents]


async def get(tx: Transaction, file_id: int) -> File | None:
    """Return a file by our own id; None where there is none (any more)."""
    row = (await tx.execute(select(_F).where(_F.c.id == file_id))).one_or_none()
    return None if row is None else _file(row)


async def load_by_author(
    tx: Transaction, *, platform: str, tenant: str, author_id: str, limit: int
) -> Sequence[ProcessedFile]:
    """Return what a person sent in any conversation and what was read, newest first."""
    query = (
        select(_F)
        .join(_CONVERSATIONS, _CONVERSATIONS.c.id == _F.c.conversation_id)
        .where(
            _CONVERSATIONS.c.platform == platform,
            _CONVERSATIONS.c.tenant == tenant,
            _F.c.author_id == author_id,
            _F.c.state == FileState.READY.value,
        )
        .order_by(_F.c.id.desc())
        .limit(limit)
    )
    found = [_file(row) for row in await tx.execute(query)]
    contents = await _load_contents(tx, [file.hash for file in found])
    return [ProcessedFile(file=file, content=contents[file.hash]) for file in found if file.hash in contents]


async def set_state(
    tx: Transaction, file_id: int, *, state: FileState, fault: FileFault | None = None, hash_: str = ""
) -> None:
    """Set the state of a file."""
    values = {"state": state.value, "fault": "" if fault is None else fault.value, "hash": hash_}
    await tx.execute(update(_F).where(_F.c.id == file_id).values(**values))


async def remove_files(tx: Transaction, file_ids: Sequence[int]) -> int:
    """Forget files; their contents may become orphans. Return how many there were."""
    return (await tx.execute(delete(_F).where(_F.c.id.in_(file_ids)))).rowcount


async def remove_up_to(tx: Transaction, conversation_id: int, *, up_to_seq: int) -> int:
    """Forget a conversation's files up to a message; return how many there were."""
    gone = await tx.execute(delete(_F).where(_F.c.conversation_id == conversation_id, _F.c.seq <= up_to_seq))
    return gone.rowcount


async def forget_person(tx: Transaction, *, platform: str, tenant: str, author_id: str) -> int:
    """Forget everything that a person ever sent; return how many files there were."""
    talks = select(_CONVERSATIONS.c.id).where(
        _CONVERSATIONS.c.platform == platform, _CONVERSATIONS.c.tenant == tenant
    )
    gone = await tx.execute(delete(_F).where(_F.c.author_id == author_id, _F.c.conversation_id.in_(talks)))
    return gone.rowcount


async def remove_before(tx: Transaction, moment: datetime) -> int:
    """Forget every file that came before ``moment``; return how many there were."""
    return (await tx.execute(delete(_F).where(_F.c.created_at < moment))).rowcount


async def get_content(tx: Transaction, hash_: str) -> FileContent | None:
    """Return what is known of a content; None where it was never read."""
    return (await _load_contents(tx, [hash_])).get(hash_)


async def get_content_by_kimi_id(tx: Transaction, kimi_id: str) -> FileContent | None:
    """Return the content that Kimi keeps under an id of its own; None where none is known."""
    row = (await tx.execute(select(*_CONTENT_COLUMNS).where(_C.c.kimi_id == kimi_id).limit(1))).one_or_none()
    return None if row is None else _content(row)


async def get_text(tx: Transaction, hash_: str) -> str:
    """Return a document's words; "" where there are none."""
    found = (await tx.execute(select(_C.c.text).where(_C.c.hash == hash_))).scalar_one_or_none()
    return found or ""


async def get_data(tx: Transaction, hash_: str) -> bytes | None:
    """Return a small picture's bytes; None where they are not kept."""
    found: bytes | None = (await tx.execute(select(_C.c.data).where(_C.c.hash == hash_))).scalar_one_or_none()
    return found


async def save_content(
    tx: Transaction, content: FileContent, *, text: str | None = None, data: bytes | None = None
) -> None:
    """Store what is known of a content, in place of what was known before."""
    now = utc_now()
    values: dict[str, Any] = {
        "kind": content.kind.value,
        "media_type": content.media_type[:128],
        "size_bytes": content.size_bytes,
        "state": content.state.value,
        "text": text,
        "data": data,
        "tokens": content.tokens,
        "account": content.account,
        "kimi_id": content.kimi_id,
        "used_at": now,
    }
    stored = upsert(tx, _C).values(hash=content.hash, created_at=now, **values)
    await tx.execute(stored.on_conflict_do_update(index_elements=["hash"], set_=values))


async def mark_used(tx: Transaction, hashes: Sequence[str]) -> None:
    """Note that contents were just used: the account's oldest go first."""
    await tx.execute(update(_C).where(_C.c.hash.in_(hashes)).values(used_at=utc_now()))


async def mark_unreferenced(tx: Transaction, *, account: str, limit: int) -> Sequence[FileContent]:
    """Mark contents that no file refers to, so that nobody uses them any more, and return them.

    Only those that ``account`` can delete at Kimi. They stay until :func:`drop`.
    """
    orphaned = (
        select(_C.c.hash)
        .where(~exists().where(_F.c.hash == _C.c.hash), _C.c.account.in_(("", account)))
        .limit(limit)
    )
    doomed = (
        update(_C)
        .where(_C.c.hash.in_(orphaned.scalar_subquery()))
        .values(state=ContentState.UNREFERENCED.value)
    )
    return [_content(row) for row in await tx.execute(doomed.returning(*_CONTENT_COLUMNS))]


async def remove_content(tx: Transaction, hash_: str) -> None:
    """Delete a content, unless it was read anew since it was doomed."""
    await tx.execute(delete(_C).where(_C.c.hash == hash_, _C.c.state == ContentState.UNREFERENCED.value))


async def load_uploaded(tx: Transaction, account: str) -> Sequence[FileContent]:
    """Return everything that an account keeps for us, least lately used first."""
    query = (
        select(*_CONTENT_COLUMNS).where(_C.c.account == account, _C.c.kimi_id != "").order_by(_C.c.used_at)
    )
    return [_content(row) for row in await tx.execute(query)]


async def mark_deleted_at_kimi(tx: Transaction, hash_: str) -> None:
    """Note that Kimi keeps a content no longer. What was read in it stays; else it is read anew."""
    gone = await tx.execute(delete(_C).where(_C.c.hash == hash_, _C.c.text.is_(None), _C.c.data.is_(None)))
    if gone.rowcount:
        await tx.execute(update(_F).where(_F.c.hash == hash_).values(state=FileState.NEW.value, hash=""))
    else:
        await tx.execute(update(_C).where(_C.c.hash == hash_).values(account="", kimi_id=""))


async def previous_question_seq(tx: Transaction, conversation_id: int, seq: int) -> int:
    """Return the seq of the question before the one that ends with ``seq``; -1 where there is none."""
    values = {"conversation": conversation_id, "question": seq}
    seq_before: int = (await tx.execute(_PREVIOUS_QUESTION, values)).scalar_one()
    return seq_before


def previous_question_query(conversation_id: ColumnElement[int], question: ColumnElement[int]) -> Select[Any]:
    """Return the query for the seq of the question before another one; -1 where there is none."""
    return select(func.coalesce(func.max(_T.c.seq), -1)).where(
        _T.c.conversation_id == conversation_id,
        _T.c.seq < question,
        *NO_NOTICE,
    )


_PREVIOUS_QUESTION = previous_question_query(bindparam("conversation"), bindparam("question"))

_CONTENT_COLUMNS = (
    _C.c.hash,
    _C.c.kind,
    _C.c.media_type,
    _C.c.size_bytes,
    _C.c.state,
    _C.c.tokens,
    _C.c.account,
    _C.c.kimi_id,
)


async def _load_contents(tx: Transaction, hashes: Sequence[str]) -> dict[str, FileContent]:
    if not hashes:
        return {}
    query = select(*_CONTENT_COLUMNS).where(_C.c.hash.in_(set(hashes)))
    return {row.hash: _content(row) for row in await tx.execute(query)}


def _content(row: Row[*tuple[Any, ...]]) -> FileContent:
    return FileContent(
        hash=row.hash,
        kind=FileType(row.kind),
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        state=ContentState(row.state),
        tokens=row.tokens,
        account=row.account,
        kimi_id=row.kimi_id,
    )


def _file(row: Row[*tuple[Any, ...]]) -> File:
    return File(
        id=row.id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        position=row.position,
        author_id=row.author_id,
        attachment=Attachment(
            kind=AttachmentKind(row.kind),
            name=row.name,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            source=dict(row.source),
        ),
        state=FileState(row.state),
        fault=FileFault(row.fault) if row.fault else None,
        hash=row.hash,
        created_at=row.created_at,
    )
