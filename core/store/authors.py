"""People who have written in a conversation or a channel."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, func, select

from core.domain.addresses import Person, ThreadKey
from core.domain.message_content import MessageRole
from core.store import schema
from core.store.database import Transaction

_M, _C = schema.messages, schema.conversations

_IDS = (
    select(_M.c.author_id)
    .where(
        _M.c.conversation_id == bindparam("conversation"),
        _M.c.role == MessageRole.USER,
        _M.c.author_id != "",  # an app
    )
    .distinct()
)


async def load_ids(tx: Transaction, conversation_id: int) -> frozenset[str]:
    """Return the ids of all people who have written in a conversation; apps are none."""
    return frozenset((await tx.execute(_IDS, {"conversation": conversation_id})).scalars())


async def find_name(tx: Transaction, platform: str, person_id: str) -> str:
    """Return the name under which a person last wrote on a platform; "" if they have not."""
    query = (
        select(_M.c.author_name)
        .join(_C, _C.c.id == _M.c.conversation_id)
        .where(_C.c.platform == platform, _M.c.author_id == person_id, _M.c.author_name != "")
        .order_by(_M.c.id.desc())
        .limit(1)
    )
    return (await tx.execute(query)).scalar_one_or_none() or ""


async def load_in_channel(tx: Transaction, key: ThreadKey, *, limit: int = 500) -> Sequence[Person]:
    """Return everybody who has written in a channel, once for each name they had, the latest first."""
    query = (
        select(_M.c.author_id, _M.c.author_name)
        .join(_C, _C.c.id == _M.c.conversation_id)
        .where(
            _C.c.platform == key.platform,
            _C.c.tenant == key.tenant,
            _C.c.channel == key.channel,
            _M.c.role == MessageRole.USER,
            _M.c.author_id != "",
        )
        .group_by(_M.c.author_id, _M.c.author_name)
        .order_by(func.max(_M.c.id).desc())
        .limit(limit)
    )
    return [Person(id=id_, name=name) for id_, name in await tx.execute(query)]


async def load_latest_names(tx: Transaction, ids: Collection[str]) -> Mapping[str, str]:
    """Return the name that each person wrote under last, by "platform:id"; unknown ones are left out.

    Args:
        tx: a transaction that reads.
        ids: people as "platform:id".
    """
    named = select(
        _C.c.platform,
        _M.c.author_id,
        _M.c.author_name,
        func.row_number()
        .over(partition_by=(_C.c.platform, _M.c.author_id), order_by=_M.c.id.desc())
        .label("age"),
    ).join(_C, _C.c.id == _M.c.conversation_id)
    named = named.where(
        _M.c.author_id.in_({id_.partition(":")[2] for id_ in ids}),
        _M.c.role == MessageRole.USER,
        _M.c.author_name != "",
    )
    latest = named.subquery()
    rows = await tx.execute(select(latest).where(latest.c.age == 1))
    found = {f"{row.platform}:{row.author_id}": str(row.author_name) for row in rows}
    return {id_: found[id_] for id_ in ids if id_ in found}
