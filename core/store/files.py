"""Files that people attached to messages.

A *file* belongs to the message it came with. Its content is stored once for identical bytes, however
often they were sent (:mod:`core.store.file_blobs`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Row

from core.domain.file_states import FileFault, FileState, FileType
from core.domain.message_content import Attachment
from core.store import file_blobs, schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.file_blobs import FileContent
from core.store.tenancy import is_in_conversation_of
from core.store.turns import IS_QUESTION

_F, _T, _C = schema.files, schema.turns, schema.conversations


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
    hash: str  #: of its content; "" until it is known
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessedFile:
    """A file that was read, with its content."""

    file: File
    content: FileContent


def previous_question_query(conversation_id: ColumnElement[int], question: ColumnElement[int]) -> Select[Any]:
    """Return the query for the seq of the question before another one; -1 if there is none."""
    return select(func.coalesce(func.max(_T.c.seq), -1)).where(
        _T.c.conversation_id == conversation_id, _T.c.seq < question, *IS_QUESTION
    )


_PREVIOUS_QUESTION = previous_question_query(bindparam("conversation"), bindparam("question"))


async def add(
    tx: Transaction,
    *,
    conversation_id: int,
    seq: int,
    author_id: str,
    attachments: Sequence[Attachment],
    hashes: Sequence[str] = (),
) -> None:
    """Store the attachments of a message.

    Args:
        tx: the transaction.
        conversation_id: the conversation.
        seq: of the message.
        author_id: the message's author.
        attachments: what came with it, behind the attachments that it already has.
        hashes: the content of each attachment if it was read before; else empty.
    """
    if not attachments:
        return
    next_position = select(func.coalesce(func.max(_F.c.position) + 1, 0)).where(
        _F.c.conversation_id == conversation_id, _F.c.seq == seq
    )
    first = int((await tx.execute(next_position)).scalar_one())
    now = utc_now()
    rows = [
        {
            "conversation_id": conversation_id,
            "seq": seq,
            "position": first + index,
            "author_id": author_id,
            "kind": attachment.kind,
            "name": attachment.name[:255],
            "media_type": attachment.media_type[:128],
            "size_bytes": attachment.size_bytes,
            "source": dict(attachment.source),
            "state": FileState.READY if hashes else FileState.NEW,
            "hash": hashes[index] if hashes else "",
            "created_at": now,
        }
        for index, attachment in enumerate(attachments)
    ]
    await tx.execute(insert(_F), rows)


async def remove_of_message(tx: Transaction, conversation_id: int, seq: int) -> None:
    """Delete the files of one message; their content goes with the next garbage collection."""
    await tx.execute(delete(_F).where(_F.c.conversation_id == conversation_id, _F.c.seq == seq))


async def load(tx: Transaction, conversation_id: int, *, after_seq: int, up_to_seq: int) -> Sequence[File]:
    """Return the files of messages with ``after_seq < seq <= up_to_seq``, oldest first."""
    query = (
        select(_F)
        .where(_F.c.conversation_id == conversation_id, _F.c.seq > after_seq, _F.c.seq <= up_to_seq)
        .order_by(_F.c.seq, _F.c.position)
    )
    return [_file(row) for row in await tx.execute(query)]


async def load_processed(
    tx: Transaction, conversation_id: int, *, after_seq: int, up_to_seq: int
) -> Sequence[ProcessedFile]:
    """Return the files of :func:`load` that were read, with their content."""
    found = await load(tx, conversation_id, after_seq=after_seq, up_to_seq=up_to_seq)
    return await _with_contents(tx, [file for file in found if file.state is FileState.READY])


async def get(tx: Transaction, file_id: int) -> File | None:
    """Return a file by its id; None if it does not exist or was removed."""
    row = (await tx.execute(select(_F).where(_F.c.id == file_id))).one_or_none()
    return None if row is None else _file(row)


async def load_by_author(
    tx: Transaction, *, platform: str, tenant: str, author_id: str, limit: int
) -> Sequence[ProcessedFile]:
    """Return the files that were read of one person in all conversations of a tenant, newest first."""
    query = (
        select(_F)
        .join(_C, _C.c.id == _F.c.conversation_id)
        .where(
            _C.c.platform == platform,
            _C.c.tenant == tenant,
            _F.c.author_id == author_id,
            _F.c.state == FileState.READY,
        )
        .order_by(_F.c.id.desc())
        .limit(limit)
    )
    return await _with_contents(tx, [_file(row) for row in await tx.execute(query)])


async def set_state(
    tx: Transaction, file_id: int, *, state: FileState, fault: FileFault | None = None, hash_: str = ""
) -> None:
    """Set the state of a file."""
    values = {"state": state, "fault": fault, "hash": hash_}
    await tx.execute(update(_F).where(_F.c.id == file_id).values(**values))


async def begin_attempt(tx: Transaction, file_id: int) -> int:
    """Count one more attempt to read a file; return how many were begun since the last that ended."""
    counted = update(_F).where(_F.c.id == file_id).values(attempts=_F.c.attempts + 1)
    return (await tx.execute(counted.returning(_F.c.attempts))).scalar_one_or_none() or 0


async def end_attempt(tx: Transaction, file_id: int) -> None:
    """Note that an attempt ended, however it did: only those that a crash cuts off stay counted."""
    await tx.execute(update(_F).where(_F.c.id == file_id).values(attempts=0))


async def refuse_media(tx: Transaction, conversation_id: int, *, before_seq: int) -> None:
    """Set the pictures and videos of messages before ``before_seq`` to refused: no later prompt has them."""
    found = await load_processed(tx, conversation_id, after_seq=-1, up_to_seq=before_seq - 1)
    for one in found:
        if one.content.file_type in (FileType.PICTURE, FileType.VIDEO):
            values = {"state": FileState.FAILED, "fault": FileFault.REFUSED}
            await tx.execute(update(_F).where(_F.c.id == one.file.id).values(**values))


async def remove_files(tx: Transaction, file_ids: Sequence[int]) -> int:
    """Delete files and return their number; their contents may stay behind unreferenced."""
    return (await tx.execute(delete(_F).where(_F.c.id.in_(file_ids)))).rowcount


async def remove_up_to(tx: Transaction, conversation_id: int, *, up_to_seq: int) -> int:
    """Delete a conversation's files up to a message; return how many there were."""
    where = (_F.c.conversation_id == conversation_id, _F.c.seq <= up_to_seq)
    return (await tx.execute(delete(_F).where(*where))).rowcount


async def forget_person(tx: Transaction, *, platform: str, tenant: str, author_id: str) -> int:
    """Delete every file of a person in a tenant; return how many there were."""
    conversations = select(_C.c.id).where(_C.c.platform == platform, _C.c.tenant == tenant)
    where = (_F.c.author_id == author_id, _F.c.conversation_id.in_(conversations))
    return (await tx.execute(delete(_F).where(*where))).rowcount


async def remove_before(tx: Transaction, moment: datetime, tenants: Collection[tuple[str, str]]) -> int:
    """Delete every file of ``tenants`` from before ``moment``; return how many there were."""
    old = delete(_F).where(_F.c.created_at < moment, is_in_conversation_of(_F.c.conversation_id, tenants))
    return (await tx.execute(old)).rowcount


async def previous_question_seq(tx: Transaction, conversation_id: int, seq: int) -> int:
    """Return the seq of the question before the one that ends with ``seq``; -1 if there is none."""
    values = {"conversation": conversation_id, "question": seq}
    found: int = (await tx.execute(_PREVIOUS_QUESTION, values)).scalar_one()
    return found


async def _with_contents(tx: Transaction, found: Sequence[File]) -> Sequence[ProcessedFile]:
    contents = await file_blobs.load_contents(tx, [file.hash for file in found])
    return [ProcessedFile(file=file, content=contents[file.hash]) for file in found if file.hash in contents]


def _file(row: Row[*tuple[Any, ...]]) -> File:
    return File(
        id=row.id,
        conversation_id=row.conversation_id,
        seq=row.seq,
        position=row.position,
        author_id=row.author_id,
        attachment=Attachment(
            kind=row.kind,
            name=row.name,
            media_type=row.media_type,
            size_bytes=row.size_bytes,
            source=row.source,
        ),
        state=row.state,
        fault=row.fault,
        hash=row.hash,
        created_at=row.created_at,
    )
