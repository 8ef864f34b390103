"""Rules of chats: read with every message, one indexed row, so that all replicas see a change at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, delete, or_, select, update

from core.chat_policy import ChatRules, parse_rules, render_rules
from core.domain.addresses import ThreadKey
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_R = schema.chat_rules
ANY_TENANT = ""  #: the tenant of rules that were set where the tenant is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChatRules:
    """The rules of one chat as they are stored."""

    platform: str
    tenant: str  #: "" whatever it is
    channel: str
    version: int
    rules: ChatRules
    changed_by: str  #: a person's id; "" the command line
    changed_at: datetime


async def load(tx: Transaction, key: ThreadKey) -> ChatRules | None:
    """Return the rules of the chat that a conversation is in; None where it has none."""
    place = {"platform": key.platform, "tenant": key.tenant, "channel": key.channel}
    words = (await tx.execute(RULES_QUERY, place)).scalar_one_or_none()
    return None if words is None else parse_rules(words)


def rules_query(
    platform: ColumnElement[str], tenant: ColumnElement[str], channel: ColumnElement[str]
) -> Select[Any]:
    """Return the query for the rules of a chat, as they are stored."""
    return (
        select(_R.c.words)
        .where(
            _R.c.platform == platform,
            _R.c.channel == channel,
            or_(_R.c.tenant == tenant, _R.c.tenant == ANY_TENANT),
        )
        .order_by(_R.c.tenant.desc())
        .limit(1)
    )


RULES_QUERY = rules_query(bindparam("platform"), bindparam("tenant"), bindparam("channel"))
"""The same, by the parameters "platform", "tenant" and "channel"."""


async def load_all(tx: Transaction, *, platform: str = "", channel: str = "") -> Sequence[StoredChatRules]:
    """Return all stored rules, or those of one chat under any tenant."""
    query = select(_R).order_by(_R.c.platform, _R.c.channel, _R.c.tenant)
    if platform:
        query = query.where(_R.c.platform == platform, _R.c.channel == channel)
    return [
        StoredChatRules(
            platform=row.platform,
            tenant=row.tenant,
            channel=row.channel,
            version=row.version,
            rules=parse_rules(row.words),
            changed_by=row.changed_by,
            changed_at=row.changed_at,
        )
        for row in await tx.execute(query)
    ]


async def save(
    tx: Transaction, rules: ChatRules, *, platform: str, tenant: str, channel: str, changed_by: str
) -> int:
    """Store a chat's rules and return their version."""
    values = {"words": render_rules(rules), "changed_by": changed_by[:128], "changed_at": utc_now()}
    stored = (
        upsert(tx, _R)
        .values(platform=platform, tenant=tenant, channel=channel, version=1, **values)
        .on_conflict_do_update(
            index_elements=["platform", "channel", "tenant"], set_={**values, "version": _R.c.version + 1}
        )
        .returning(_R.c.version)
    )
    return int((await tx.execute(stored)).scalar_one())


async def resolve_tenant(tx: Transaction, key: ThreadKey) -> str:
    """Return under which tenant a chat's rules are to be stored: where they are, else the chat's own."""
    tenants = {one.tenant for one in await load_all(tx, platform=key.platform, channel=key.channel)}
    return ANY_TENANT if ANY_TENANT in tenants and key.tenant not in tenants else key.tenant


async def remove(tx: Transaction, *, platform: str, tenant: str, channel: str) -> bool:
    """Delete a chat's rules; return whether there were any."""
    where = (_R.c.platform == platform) & (_R.c.tenant == tenant) & (_R.c.channel == channel)
    return (await tx.execute(delete(_R).where(where))).rowcount > 0


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Give a chat's rules the chat's new id; rules that the new id has already stay as they are."""
    taken = select(_R.c.tenant).where(_R.c.platform == platform, _R.c.channel == new)
    await tx.execute(
        update(_R)
        .where(
            _R.c.platform == platform,
            _R.c.channel == old,
            _R.c.tenant.in_((tenant, ANY_TENANT)),
            _R.c.tenant.not_in(taken.scalar_subquery()),
        )
        .values(channel=new)
    )
