"""Messages of conversations: what people and the bot said, from which every prompt is built."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.engine import Row

from core.domain.message_content import Attachment, MessageContent, MessageRole
from core.store import schema, summaries
from core.store.clock import utc_now
from core.store.database import Transaction

_M = schema.messages


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryMessage:
    """One message of a conversation's history."""

    seq: int  #: inbox id of the question that it is or answers
    role: MessageRole
    content: MessageContent
    author_id: str = ""  #: "" for the bot
    author: str = ""  #: display name; "" for the bot

    @property
    def text(self) -> str:
        """The author's own words."""
        return self.content.text


_COLUMNS = (
    _M.c.seq,
    _M.c.role,
    _M.c.author_id,
    _M.c.author_name,
    _M.c.text,
    _M.c.reply,
    _M.c.forwarded_from,
    _M.c.attachments,
    _M.c.other_content,
    _M.c.unsupported_content,
)
_INSERT = insert(_M)
_IN_RANGE = (
    select(*_COLUMNS)
    .where(
        _M.c.conversation_id == bindparam("conversation"),
        _M.c.seq > bindparam("after"),
        _M.c.seq <= bindparam("up_to"),
        or_(~_M.c.superseded, and_(_M.c.role == MessageRole.USER, _M.c.seq >= bindparam("question"))),
    )
    .limit(bindparam("limit"))
)
_RECENT = _IN_RANGE.order_by(_M.c.seq.desc(), _M.c.id.desc())
_OLDEST = _IN_RANGE.order_by(_M.c.seq, _M.c.id)
_SUPERSEDE = (
    update(_M)
    .where(
        _M.c.conversation_id == bindparam("of_conversation"),
        _M.c.seq == bindparam("of_seq"),
        _M.c.role == MessageRole.ASSISTANT,
    )
    .values(superseded=True)
)
_SUPERSEDE_QUESTION = (
    update(_M)
    .where(
        _M.c.conversation_id == bindparam("of_conversation"),
        _M.c.seq.between(bindparam("first"), bindparam("last")),
        _M.c.role == MessageRole.USER,
    )
    .values(superseded=bindparam("is_superseded"))
)


async def append(
    tx: Transaction,
    message: HistoryMessage,
    *,
    conversation_id: int,
    turn_id: int | None = None,
    message_id: str = "",
) -> None:
    """Append one message to a conversation.

    Args:
        tx: the transaction.
        message: the message.
        conversation_id: the conversation.
        turn_id: the turn that it answers; None for a person's message.
        message_id: the platform's id of a person's message; "" if it has none.
    """
    content = message.content
    await tx.execute(
        _INSERT,
        {
            "conversation_id": conversation_id,
            "turn_id": turn_id,
            "seq": message.seq,
            "role": message.role,
            "author_id": message.author_id,
            "author_name": message.author[:255],
            "text": content.text,
            "reply": content.reply,
            "forwarded_from": content.forwarded_from,
            "attachments": content.attachments or None,
            "other_content": content.other or None,
            "unsupported_content": content.unsupported or None,
            "message_id": message_id,
            "created_at": utc_now(),
        },
    )


async def save_answer(tx: Transaction, conversation_id: int, seq: int, turn_id: int, text: str) -> None:
    """Store the answer to the question ``seq`` in place of an earlier one."""
    await supersede_answer(tx, conversation_id, seq)
    answer = HistoryMessage(seq=seq, role=MessageRole.ASSISTANT, content=MessageContent(text=text))
    await append(tx, answer, conversation_id=conversation_id, turn_id=turn_id)


async def load_recent(
    tx: Transaction,
    conversation_id: int,
    *,
    after_seq: int,
    up_to_seq: int,
    limit: int,
    question_seq: int = 0,
) -> Sequence[HistoryMessage]:
    """Return the last ``limit`` messages with ``after_seq < seq <= up_to_seq``, oldest first.

    Messages of one seq (a question and its answer) are in the order in which they were stored. Questions
    before ``question_seq`` that Kimi refused are left out.
    """
    rows = await tx.execute(_RECENT, _range(conversation_id, after_seq, up_to_seq, limit, question_seq))
    return _messages(rows)[::-1]


async def set_question_superseded(
    tx: Transaction, conversation_id: int, *, first_seq: int, last_seq: int, superseded: bool
) -> None:
    """Take a question's messages out of later prompts, or put them back; they stay stored."""
    values = {
        "of_conversation": conversation_id,
        "first": first_seq,
        "last": last_seq,
        "is_superseded": superseded,
    }
    await tx.execute(_SUPERSEDE_QUESTION, values)


async def load_oldest(
    tx: Transaction, conversation_id: int, *, after_seq: int, up_to_seq: int, limit: int
) -> Sequence[HistoryMessage]:
    """Return the first ``limit`` messages with ``after_seq < seq <= up_to_seq``, oldest first."""
    return _messages(
        await tx.execute(
            _OLDEST, _range(conversation_id, after_seq, up_to_seq, limit, question_seq=summaries.MAX_SEQ)
        )
    )


async def supersede_answer(tx: Transaction, conversation_id: int, seq: int) -> None:
    """Exclude the answers to the question ``seq`` from all later prompts; they stay stored."""
    await tx.execute(_SUPERSEDE, {"of_conversation": conversation_id, "of_seq": seq})


async def get_answer(tx: Transaction, conversation_id: int, seq: int) -> str:
    """Return the text of the answer to the question ``seq``; "" if there is none."""
    query = select(_M.c.text).where(
        _M.c.conversation_id == conversation_id,
        _M.c.seq == seq,
        _M.c.role == MessageRole.ASSISTANT,
        ~_M.c.superseded,
    )
    return (await tx.execute(query.order_by(_M.c.id.desc()).limit(1))).scalar_one_or_none() or ""


async def get_user_message(tx: Transaction, conversation_id: int, message_id: str) -> HistoryMessage | None:
    """Return a person's message by the platform's id; None if it is not stored."""
    query = select(*_COLUMNS).where(*_user_message(conversation_id, message_id))
    row = (await tx.execute(query.limit(1))).one_or_none()
    return None if row is None else _message(row)


async def edit_user_message(tx: Transaction, conversation_id: int, message_id: str, text: str) -> bool:
    """Replace the words of a person's message; return False if it is not stored.

    Summaries that cover it are deleted, and made again when they are needed.
    """
    return await _set_text(tx, conversation_id, text, *_user_message(conversation_id, message_id))


async def edit_attachments(
    tx: Transaction, conversation_id: int, message_id: str, attachments: Sequence[Attachment]
) -> None:
    """Replace the attachments of a person's message."""
    where = _user_message(conversation_id, message_id)
    await tx.execute(update(_M).where(*where).values(attachments=tuple(attachments) or None))


async def edit_message(tx: Transaction, conversation_id: int, message_id: str, text: str) -> bool:
    """Replace the words of a message by the platform's id, in either role; False if it is not stored.

    Messages that a team's members write to customers are stored as answers.
    """
    where = (_M.c.conversation_id == conversation_id, _M.c.message_id == message_id)
    return await _set_text(tx, conversation_id, text, *where)


async def remove_message(tx: Transaction, conversation_id: int, message_id: str) -> None:
    """Delete a message by the platform's id, and the summaries that cover it."""
    deleted = await tx.execute(
        delete(_M)
        .where(_M.c.conversation_id == conversation_id, _M.c.message_id == message_id)
        .returning(_M.c.seq)
    )
    if seqs := list(deleted.scalars()):
        await summaries.remove_from(tx, conversation_id, min(seqs))


async def _set_text(tx: Transaction, conversation_id: int, text: str, *where: ColumnElement[bool]) -> bool:
    changed = await tx.execute(update(_M).where(*where).values(text=text).returning(_M.c.seq))
    if seqs := list(changed.scalars()):
        await summaries.remove_from(tx, conversation_id, min(seqs))
    return bool(seqs)


def _user_message(conversation_id: int, message_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        _M.c.conversation_id == conversation_id,
        _M.c.message_id == message_id,
        _M.c.role == MessageRole.USER,
    )


def _range(
    conversation_id: int, after_seq: int, up_to_seq: int, limit: int, question_seq: int
) -> dict[str, int]:
    return {
        "conversation": conversation_id,
        "after": after_seq,
        "up_to": up_to_seq,
        "limit": limit,
        "question": question_seq,
    }


def _messages(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[HistoryMessage]:
    return [_message(row) for row in rows]


def _message(row: Row[*tuple[Any, ...]]) -> HistoryMessage:
    content = MessageContent(
        text=row.text,
        reply=row.reply,
        forwarded_from=row.forwarded_from,
        attachments=row.attachments or (),
        other=row.other_content or (),
        unsupported=row.unsupported_content or (),
    )
    return HistoryMessage(
        seq=row.seq, role=row.role, content=content, author_id=row.author_id, author=row.author_name
    )
