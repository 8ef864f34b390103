"""Random keys that all replicas share, created by the replica that first needs one."""

import secrets
from typing import Final

from sqlalchemy import select

from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_S = schema.secrets

KEY_BYTES: Final = 32


async def get_or_create_key(tx: Transaction, name: str) -> bytes:
    """Return the key of this name, created if it is missing; it never changes."""
    query = select(_S.c.value).where(_S.c.name == name)
    stored = (await tx.execute(query)).scalar_one_or_none()
    if stored is None:
        created = upsert(tx, _S).values(name=name, value=secrets.token_hex(KEY_BYTES))
        await tx.execute(created.on_conflict_do_nothing())
        stored = (await tx.execute(query)).scalar_one()
    return bytes.fromhex(stored)
