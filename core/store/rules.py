"""Rules of chats, read with every message so that all replicas see a change at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, bindparam, delete, or_, select, update

from core.chat_policy import ChatRules, parse_rules, render_rules
from core.domain.addresses import ThreadKey
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_R = schema.chat_rules
ANY_TENANT: Final = ""  #: tenant of rules that hold for a channel of any tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChatRules:
    """Stored rules of one chat."""

    platform: str
    tenant: str  #: "" for any
    channel: str
    version: int
    rules: ChatRules
    changed_by: str  #: id of a person; "" for the command line
    changed_at: datetime


def rules_query(
    platform: ColumnElement[str], tenant: ColumnElement[str], channel: ColumnElement[str]
) -> Select[Any]:
    """Return the query for the stored rules of a chat; those of its own tenant come first."""
    return (
        select(_R.c.rules)
        .where(
            _R.c.platform == platform,
            _R.c.channel == channel,
            or_(_R.c.tenant == tenant, _R.c.tenant == ANY_TENANT),
        )
        .order_by(_R.c.tenant.desc())
        .limit(1)
    )


RULES_QUERY = rules_query(bindparam("platform"), bindparam("tenant"), bindparam("channel"))
"""The same query with parameters "platform", "tenant" and "channel"."""


async def load(tx: Transaction, key: ThreadKey) -> ChatRules | None:
    """Return the rules of a conversation's chat; None if it has none."""
    place = {"platform": key.platform, "tenant": key.tenant, "channel": key.channel}
    stored = (await tx.execute(RULES_QUERY, place)).scalar_one_or_none()
    return None if stored is None else parse_rules(stored)


async def load_all(tx: Transaction, *, platform: str = "", channel: str = "") -> Sequence[StoredChatRules]:
    """Return all stored rules, or those of one channel of all tenants."""
    query = select(_R).order_by(_R.c.platform, _R.c.channel, _R.c.tenant)
    if platform:
        query = query.where(_R.c.platform == platform, _R.c.channel == channel)
    return [
        StoredChatRules(
            platform=row.platform,
            tenant=row.tenant,
            channel=row.channel,
            version=row.version,
            rules=parse_rules(row.rules),
            changed_by=row.changed_by,
            changed_at=row.changed_at,
        )
        for row in await tx.execute(query)
    ]


async def save(
    tx: Transaction, rules: ChatRules, *, platform: str, tenant: str, channel: str, changed_by: str
) -> int:
    """Store a chat's rules and return their version."""
    values = {"rules": render_rules(rules), "changed_by": changed_by[:128], "changed_at": utc_now()}
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
    """Return the tenant to store a chat's rules under: that of its rules if it has any, else its own."""
    tenants = {one.tenant for one in await load_all(tx, platform=key.platform, channel=key.channel)}
    return ANY_TENANT if ANY_TENANT in tenants and key.tenant not in tenants else key.tenant


async def remove(tx: Transaction, *, platform: str, tenant: str, channel: str) -> bool:
    """Delete a chat's rules; return False if it had none."""
    where = (_R.c.platform == platform) & (_R.c.tenant == tenant) & (_R.c.channel == channel)
    return (await tx.execute(delete(_R).where(where))).rowcount > 0


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Move a chat's rules to its new channel id, unless that has rules of its own."""
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
