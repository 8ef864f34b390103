"""Export of everything that is stored of a conversation or a person, as values for JSON Lines."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Table, select, true

from core.domain.message_content import Attachment, MessageRole
from core.domain.turn_states import KimiFailure
from core.store import schema
from core.store.database import Transaction

_C, _M, _T, _U = schema.conversations, schema.messages, schema.turns, schema.usage
_R = schema.remembered_messages
_F, _S, _V, _X = schema.files, schema.summaries, schema.feedback, schema.conversation_settings

Record: TypeAlias = Mapping[str, Any]

BATCH_SIZE: Final = 500  #: rows that are read at a time
INTERNAL_COLUMNS: Final = frozenset({"refs", "attempt", "cancel_reason", "source"})
"""Columns that hold nothing of people."""


async def export_conversation(tx: Transaction, conversation_id: int) -> AsyncIterator[Record]:
    """Yield a conversation, then its messages, turns, files, summaries, settings and usage."""
    parts: tuple[tuple[str, Table, ColumnElement[bool]], ...] = (
        ("conversation", _C, _C.c.id == conversation_id),
        ("message", _M, _M.c.conversation_id == conversation_id),
        ("turn", _T, _T.c.conversation_id == conversation_id),
        ("file", _F, _F.c.conversation_id == conversation_id),
        ("summary", _S, _S.c.conversation_id == conversation_id),
        ("setting", _X, _X.c.conversation_id == conversation_id),
        ("usage", _U, _U.c.conversation_id == conversation_id),
    )
    for kind, table, where in parts:
        async for record in _rows(tx, kind, table, where):
            yield record


async def export_person(tx: Transaction, platform: str, person_id: str) -> AsyncIterator[Record]:
    """Yield a person's messages on a platform, the answers to them, and their conversations.

    Messages of others in the same conversations are left out.
    """
    here = select(_C.c.id).where(_C.c.platform == platform)
    turns = (_T.c.asker_id == person_id) & _T.c.conversation_id.in_(here)
    own_turns = select(_T.c.id).where(turns)
    said = (_M.c.author_id == person_id) & (_M.c.role == MessageRole.USER) & _M.c.conversation_id.in_(here)
    spoke_in = select(_M.c.conversation_id).where(said)
    asked_in = select(_T.c.conversation_id).where(turns)
    parts: tuple[tuple[str, Table, ColumnElement[bool]], ...] = (
        ("conversation", _C, _C.c.id.in_(spoke_in.union(asked_in))),
        ("message", _M, said | ((_M.c.role == MessageRole.ASSISTANT) & _M.c.turn_id.in_(own_turns))),
        ("turn", _T, turns),
        ("file", _F, (_F.c.author_id == person_id) & _F.c.conversation_id.in_(here)),
        ("feedback", _V, (_V.c.person_id == person_id) & _V.c.turn_id.in_(_turn_ids_in(here))),
        ("usage", _U, (_U.c.person_id == person_id) & _U.c.conversation_id.in_(here)),
        ("remembered", _R, (_R.c.platform == platform) & (_R.c.author_id == person_id)),
    )
    for kind, table, where in parts:
        async for record in _rows(tx, kind, table, where):
            yield record


def _turn_ids_in(conversations: Any) -> Any:
    return select(_T.c.id).where(_T.c.conversation_id.in_(conversations))


async def _rows(
    tx: Transaction, kind: str, table: Table, where: ColumnElement[bool]
) -> AsyncIterator[Record]:
    """Yield the rows of a table in the order of their primary key, a batch at a time."""
    keys = list(table.primary_key.columns)
    if len(keys) > 1:  # small tables
        for row in (await tx.execute(select(table).where(where).order_by(*keys))).mappings():
            yield _record(kind, row)
        return
    key, after = keys[0], None
    while True:
        further = true() if after is None else key > after
        query = select(table).where(where, further).order_by(key).limit(BATCH_SIZE)
        rows = (await tx.execute(query)).mappings().all()
        for row in rows:
            yield _record(kind, row)
        if len(rows) < BATCH_SIZE:
            return
        after = rows[-1][key.name]


def _record(kind: str, row: Mapping[Any, Any]) -> Record:
    shown = {str(name): _plain(value) for name, value in row.items() if name not in INTERNAL_COLUMNS}
    return {"kind": kind} | shown


def _plain(value: Any) -> Any:
    """Return a stored domain value as plain values; the download source of an attachment is left out."""
    match value:
        case Attachment():
            return {name: part for name, part in asdict(value).items() if name != "source"}
        case KimiFailure():
            return str(value)
        case tuple():
            return [_plain(part) for part in value]
        case _ if is_dataclass(value) and not isinstance(value, type):
            return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
        case _:
            return value
