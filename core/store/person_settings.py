"""Settings of one person, by name, which hold in all of their conversations of a tenant."""

from typing import Final

from sqlalchemy import bindparam, delete, literal, select, true

from core.access import Actor
from core.domain.message_content import MessageRole
from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert
from core.text.language import PersonLanguage

_P, _M, _C = schema.person_settings, schema.messages, schema.conversations

LANGUAGE: Final = "language"  #: of the bot's own texts: "zh" or "en"

MAX_EXAMINED: Final = 40  #: newest messages of a conversation among which a person's own are looked for
MAX_TEXTS: Final = 9  #: of a person, by which their language is told

_BY_PERSON = (
    _P.c.platform == bindparam("platform"),
    _P.c.tenant == bindparam("tenant"),
    _P.c.person_id == bindparam("person_id"),
)
_CHOSEN = select(_P.c.value).where(*_BY_PERSON, _P.c.name == LANGUAGE).scalar_subquery()
_EXAMINED = (
    select(_M.c.id, _M.c.seq, _M.c.role, _M.c.author_id, _M.c.text, _M.c.forwarded_from)
    .where(_M.c.conversation_id == bindparam("conversation"))
    .order_by(_M.c.seq.desc(), _M.c.id.desc())
    .limit(MAX_EXAMINED)
    .subquery("examined")
)
_WRITTEN_HERE = (
    select(_EXAMINED.c.id, _EXAMINED.c.seq, _EXAMINED.c.text)
    .where(
        _EXAMINED.c.role == MessageRole.USER,
        _EXAMINED.c.author_id == bindparam("person_id"),
        _EXAMINED.c.forwarded_from.is_(None),
    )
    .subquery("written")
)
_ONE_ROW = select(literal(1).label("one")).subquery("one")
_LOAD = (
    select(_CHOSEN.label("chosen"), _WRITTEN_HERE.c.text)
    .select_from(_ONE_ROW.outerjoin(_WRITTEN_HERE, true()))
    .order_by(_WRITTEN_HERE.c.seq.desc(), _WRITTEN_HERE.c.id.desc())
    .limit(MAX_TEXTS)
)
_WRITTEN_ELSEWHERE = (
    select(_M.c.text)
    .join(_C, _C.c.id == _M.c.conversation_id)
    .where(
        _M.c.author_id == bindparam("person_id"),
        _M.c.role == MessageRole.USER,
        _M.c.forwarded_from.is_(None),
        _C.c.platform == bindparam("platform"),
        _C.c.tenant == bindparam("tenant"),
    )
    .order_by(_M.c.conversation_id.desc(), _M.c.id.desc())
    .limit(MAX_TEXTS)
)


async def load_language(tx: Transaction, actor: Actor, conversation_id: int) -> PersonLanguage:
    """Return a person's language as far as it is known, from a conversation, or else from their latest ones.

    Answers of Kimi, messages of others and forwarded ones say nothing about it.
    """
    who = {"platform": actor.platform, "tenant": actor.tenant, "person_id": actor.person_id}
    rows = (await tx.execute(_LOAD, {**who, "conversation": conversation_id})).all()
    chosen, texts = rows[0].chosen or "", [row.text for row in rows if row.text]
    if not chosen and not texts:
        texts = list((await tx.execute(_WRITTEN_ELSEWHERE, who)).scalars())
    return PersonLanguage(chosen=chosen, texts=texts)


async def save(tx: Transaction, actor: Actor, name: str, value: str) -> None:
    """Store a setting; "" removes it."""
    key = {"platform": actor.platform, "tenant": actor.tenant, "person_id": actor.person_id, "name": name}
    if not value:
        await tx.execute(delete(_P).where(*(_P.c[column] == one for column, one in key.items())))
        return
    stored = upsert(tx, _P).values(**key, value=value)
    await tx.execute(stored.on_conflict_do_update(index_elements=list(key), set_={"value": value}))


async def forget_person(tx: Transaction, actor: Actor) -> None:
    """Delete all settings of a person."""
    await tx.execute(
        delete(_P).where(
            _P.c.platform == actor.platform,
            _P.c.tenant == actor.tenant,
            _P.c.person_id == actor.person_id,
        )
    )
