"""Access to the web console: links that sign in once, sessions, and the audit log.

Only hashes of tokens are stored, so that a copy of the database opens no console.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, func, insert, not_, select, update

from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction

_L, _S, _A = schema.console_links, schema.console_sessions, schema.console_audit

LINK_TTL: Final = timedelta(minutes=10)
SESSION_TTL: Final = timedelta(hours=8)
IDLE_TTL: Final = timedelta(minutes=30)  #: without a page opened or a form sent
SEEN_EVERY: Final = timedelta(minutes=1)  #: how precisely the latest request is known
TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSession:
    """A browser that is signed in."""

    person: str  #: "platform:id", or "shell:user" for a link from the command line
    csrf_token: str  #: every form must send it
    expires_at: datetime
    seen_at: datetime  #: when a page was opened or a form sent, to :data:`SEEN_EVERY`


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One look at people's words, or one change, by somebody on the console."""

    id: int
    person: str
    action: str
    target: str
    at: datetime


class TooManyLinks(Exception):
    """A person has too many links that are neither used nor too old."""


async def create_link(tx: Transaction, person: str, *, max_open: int | None = None) -> str:
    """Return the token of a new link, which signs ``person`` in once within :data:`LINK_TTL`.

    Raises:
        TooManyLinks: the person has ``max_open`` links already.
    """
    now, token = utc_now(), secrets.token_urlsafe(TOKEN_BYTES)
    await tx.execute(delete(_L).where(_L.c.expires_at <= now))
    await tx.execute(delete(_S).where(not_(and_(*_alive(now)))))
    open_links = select(func.count()).select_from(_L).where(_L.c.person == person)
    if max_open is not None and (await tx.execute(open_links)).scalar_one() >= max_open:
        raise TooManyLinks(person)
    values = {"token_hash": _hash(token), "person": person, "expires_at": now + LINK_TTL}
    await tx.execute(insert(_L).values(values))
    return token


async def is_link(tx: Transaction, token: str) -> bool:
    """Return whether a link can be redeemed."""
    query = select(_L.c.person).where(_L.c.token_hash == _hash(token), _L.c.expires_at > utc_now())
    return (await tx.execute(query)).one_or_none() is not None


async def redeem_link(tx: Transaction, token: str) -> str | None:
    """Return the token of a new session; None if the link is unknown, used or too old."""
    used = delete(_L).where(_L.c.token_hash == _hash(token)).returning(_L.c.person, _L.c.expires_at)
    link = (await tx.execute(used)).one_or_none()
    now = utc_now()
    if link is None or link.expires_at <= now:
        return None
    session = secrets.token_urlsafe(TOKEN_BYTES)
    values = {
        "token_hash": _hash(session),
        "person": link.person,
        "csrf_token": secrets.token_urlsafe(TOKEN_BYTES),
        "expires_at": now + SESSION_TTL,
        "seen_at": now,
    }
    await tx.execute(insert(_S).values(values))
    return session


async def load_session(tx: Transaction, token: str) -> ConsoleSession | None:
    """Return the session of a cookie; None if it is unknown, ended, too old or was idle for too long."""
    query = select(_S).where(_S.c.token_hash == _hash(token), *_alive(utc_now()))
    row = (await tx.execute(query)).one_or_none()
    if row is None:
        return None
    return ConsoleSession(
        person=row.person, csrf_token=row.csrf_token, expires_at=row.expires_at, seen_at=row.seen_at
    )


async def record_seen(tx: Transaction, token: str) -> None:
    """Record that a session was used now, so that it does not end for being idle."""
    await tx.execute(update(_S).where(_S.c.token_hash == _hash(token)).values(seen_at=utc_now()))


async def end_session(tx: Transaction, token: str) -> None:
    """End one session."""
    await tx.execute(delete(_S).where(_S.c.token_hash == _hash(token)))


async def end_all_sessions(tx: Transaction, person: str | None = None) -> int:
    """End every session, or those of a person, and invalidate the links; return how many sessions ended."""
    links, sessions = delete(_L), delete(_S)
    if person is not None:
        links, sessions = links.where(_L.c.person == person), sessions.where(_S.c.person == person)
    await tx.execute(links)
    return (await tx.execute(sessions)).rowcount


async def list_sessions(tx: Transaction) -> Sequence[tuple[str, datetime]]:
    """Return the person and the end of every session, by person."""
    query = select(_S.c.person, _S.c.expires_at).where(*_alive(utc_now()))
    return [
        (row.person, row.expires_at) for row in await tx.execute(query.order_by(_S.c.person, _S.c.expires_at))
    ]


async def record(tx: Transaction, person: str, action: str, target: str) -> None:
    """Add an entry to the audit log."""
    values = {"person": person, "action": action, "target": target[:255], "at": utc_now()}
    await tx.execute(insert(_A).values(values))


async def list_audit(tx: Transaction, *, limit: int) -> Sequence[AuditEntry]:
    """Return the latest entries of the audit log, newest first."""
    rows = await tx.execute(select(_A).order_by(_A.c.id.desc()).limit(limit))
    return [AuditEntry(**row._asdict()) for row in rows]


def _alive(now: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return the conditions of a session that is neither too old nor idle."""
    return _S.c.expires_at > now, _S.c.seen_at > now - IDLE_TTL


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
