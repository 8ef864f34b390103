"""What was said, by both sides: the source of every prompt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.engine import Row

from core.domain.addresses import Person, ThreadKey
from core.store import schema, summaries
from core.store.clock import utc_now
from core.store.database import Transaction

_M = schema.messages


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryMessage:
    """One message of a conversation's history."""

    seq: int
    role: str  #: "user" or "assistant"
    author_id: str
    author: str
    text: str
    tokens: int  #: estimated when it was stored


async def append(
    tx: Transaction,
    message: HistoryMessage,
    *,
    conversation_id: int,
    turn_id: int | None = None,
    message_id: str = "",
) -> None:
    """Append one message to a conversation."""
    await tx.execute(
        _ADD,
        {
            "conversation_id": conversation_id,
            "turn_id": turn_id,
            "seq": message.seq,
            "role": message.role,
            "author_id": message.author_id,
            "author": message.author,
            "text": message.text,
            "tokens": message.tokens,
            "state": "shown",
            "message_id": message_id,
            "created_at": utc_now(),
        },
    )


_ADD = insert(_M)


async def save_answer(tx: Transaction, conversation_id: int, seq: int, turn_id: int, text: str) -> None:
    """Store the bot's own words as the answer to the question ``seq``, in place of an earlier one."""
    await supersede_answer(tx, conversation_id, seq)
    line = HistoryMessage(
        seq=seq, role="assistant", author_id="", author="", text=text, tokens=max(1, len(text) // 2)
    )
    await append(tx, line, conversation_id=conversation_id, turn_id=turn_id)


async def load_recent(
    tx: Transaction, conversation_id: int, *, after_seq: int, up_to_seq: int, limit: int
) -> Sequence[HistoryMessage]:
    """Return the last ``max_lines`` messages with ``after_seq < seq <= up_to_seq``, oldest first.

    Where several messages have one seq (a question, its answer) they stand in the order in which
    they were stored.
    """
    found = await tx.execute(_RECENT, _range(conversation_id, after_seq, up_to_seq, limit))
    return _messages(found)[::-1]


async def load_oldest(
    tx: Transaction, conversation_id: int, *, after_seq: int, up_to_seq: int, limit: int
) -> Sequence[HistoryMessage]:
    """Return the first ``max_lines`` messages with ``after_seq < seq <= up_to_seq``, oldest first."""
    return _messages(await tx.execute(_OLDEST, _range(conversation_id, after_seq, up_to_seq, limit)))


_SHOWN = (
    select(_M.c.seq, _M.c.role, _M.c.author_id, _M.c.author, _M.c.text, _M.c.tokens)
    .where(
        _M.c.conversation_id == bindparam("conversation"),
        _M.c.seq > bindparam("after"),
        _M.c.seq <= bindparam("up_to"),
        _M.c.state == "shown",
    )
    .limit(bindparam("most"))
)
_RECENT = _SHOWN.order_by(_M.c.seq.desc(), _M.c.id.desc())
_OLDEST = _SHOWN.order_by(_M.c.seq, _M.c.id)


def _range(conversation_id: int, after_seq: int, up_to_seq: int, limit: int) -> dict[str, int]:
    return {"conversation": conversation_id, "after": after_seq, "up_to": up_to_seq, "most": limit}


def _messages(rows: Iterable[Row[*tuple[Any, ...]]]) -> list[HistoryMessage]:
    return [
        HistoryMessage(seq=seq, role=role, author_id=author_id, author=author, text=text, tokens=tokens)
        for seq, role, author_id, author, text, tokens in rows
    ]


async def load_speaker_ids(tx: Transaction, conversation_id: int) -> frozenset[str]:
    """Return the ids of all people who have spoken in a conversation."""
    return frozenset((await tx.execute(_SPEAKERS, {"conversation": conversation_id})).scalars())


_SPEAKERS = (
    select(_M.c.author_id)
    .where(_M.c.conversation_id == bindparam("conversation"), _M.c.role == "user")
    .distinct()
)


async def load_people(tx: Transaction, key: ThreadKey, *, limit: int = 500) -> Sequence[Person]:
    """Return who has spoken in a channel, under each name they had, the latest first."""
    talks = schema.conversations
    query = (
        select(_M.c.author_id, _M.c.author)
        .join(talks, talks.c.id == _M.c.conversation_id)
        .where(
            talks.c.platform == key.platform,
            talks.c.tenant == key.tenant,
            talks.c.channel == key.channel,
            _M.c.role == "user",
            _M.c.author_id != "",
        )
        .group_by(_M.c.author_id, _M.c.author)
        .order_by(func.max(_M.c.id).desc())
        .limit(limit)
    )
    return [Person(id=id_, name=name) for id_, name in await tx.execute(query)]


async def supersede_answer(tx: Transaction, conversation_id: int, seq: int) -> None:
    """Take the answers to the question ``seq`` out of all later prompts; they stay stored."""
    await tx.execute(_SUPERSEDE, {"of_conversation": conversation_id, "of_seq": seq})


_SUPERSEDE = (
    update(_M)
    .where(
        _M.c.conversation_id == bindparam("of_conversation"),
        _M.c.seq == bindparam("of_seq"),
        _M.c.role == "assistant",
    )
    .values(state="superseded")
)


async def get_answer(tx: Transaction, conversation_id: int, seq: int) -> str:
    """Return the text that was answered to the question ``seq``; "" where there is none."""
    query = select(_M.c.text).where(
        _M.c.conversation_id == conversation_id,
        _M.c.seq == seq,
        _M.c.role == "assistant",
        _M.c.state == "shown",
    )
    return (await tx.execute(query.order_by(_M.c.id.desc()).limit(1))).scalar_one_or_none() or ""


async def get_user_message(tx: Transaction, conversation_id: int, message_id: str) -> HistoryMessage | None:
    """Return a person's message by the platform's id; None where it is not stored."""
    query = select(_M.c.seq, _M.c.role, _M.c.author_id, _M.c.author, _M.c.text, _M.c.tokens).where(
        _M.c.conversation_id == conversation_id, _M.c.message_id == message_id, _M.c.role == "user"
    )
    row = (await tx.execute(query.limit(1))).one_or_none()
    if row is None:
        return None
    seq, role, author_id, author, text, tokens = row
    return HistoryMessage(seq=seq, role=role, author_id=author_id, author=author, text=text, tokens=tokens)


async def edit_user_message(
    tx: Transaction, conversation_id: int, message_id: str, text: str, tokens: int
) -> bool:
    """Replace the text of a person's message that was edited; False where it is not stored.

    Summaries that tell of it are dropped, and made anew when they are needed.
    """
    changed = await tx.execute(
        update(_M)
        .where(
            _M.c.conversation_id == conversation_id,
            _M.c.message_id == message_id,
            _M.c.role == "user",
        )
        .values(text=text, tokens=tokens)
        .returning(_M.c.seq)
    )
    seqs = list(changed.scalars())
    if seqs:
        await summaries.remove_from(tx, conversation_id, min(seqs))
    return bool(seqs)


async def count(tx: Transaction, conversation_id: int) -> int:
    """Return how many messages a conversation has."""
    query = select(func.count()).select_from(_M).where(_M.c.conversation_id == conversation_id)
    return int((await tx.execute(query)).scalar_one())


async def edit_message(
    tx: Transaction, conversation_id: int, message_id: str, text: str, tokens: int
) -> bool:
    """Replace the text of a message by its platform's id, whoever wrote it; False where it is not stored.

    For what people of a desk said, which stands among the answers.
    """
    changed = await tx.execute(
        update(_M)
        .where(_M.c.conversation_id == conversation_id, _M.c.message_id == message_id)
        .values(text=text, tokens=tokens)
        .returning(_M.c.seq)
    )
    seqs = list(changed.scalars())
    if seqs:
        await summaries.remove_from(tx, conversation_id, min(seqs))
    return bool(seqs)


async def remove_message(tx: Transaction, conversation_id: int, message_id: str) -> None:
    """Delete a message that its author took away."""
    gone = await tx.execute(
        delete(_M)
        .where(_M.c.conversation_id == conversation_id, _M.c.message_id == message_id)
        .returning(_M.c.seq)
    )
    seqs = list(gone.scalars())
    if seqs:
        await summaries.remove_from(tx, conversation_id, min(seqs))
