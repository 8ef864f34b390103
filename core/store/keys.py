"""Random keys that all replicas share: made by whoever needs one first."""

import secrets

from sqlalchemy import select

from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_K = schema.secrets
KEY_BYTES = 32


async def get_or_create_key(tx: Transaction, name: str) -> bytes:
    """Return the key of this name; it is made where it is missing, and never changes."""
    query = select(_K.c.value).where(_K.c.name == name)
    known = (await tx.execute(query)).scalar_one_or_none()
    if known is None:
        made = upsert(tx, _K).values(name=name, value=secrets.token_hex(KEY_BYTES))
        await tx.execute(made.on_conflict_do_nothing())
        known = (await tx.execute(query)).scalar_one()
    return bytes.fromhex(known)
