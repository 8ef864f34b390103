"""Detects a connection pooler in transaction mode, which gives each transaction another server connection.

Leadership is an advisory lock of one session, and the driver prepares statements in a session: with such a
pooler, replicas would lose the lock and miss their statements. See https://www.pgbouncer.org/features.html.
"""

from typing import Final

import structlog
from sqlalchemy import text

from core.store.database import Database, translated

log = structlog.get_logger(__name__)

ADVICE: Final = "Use the pooler's session mode, or connect to PostgreSQL directly."

_MARK: Final = text("SELECT set_config('moonthread.session_probe', 'kept', false)")
_READ: Final = text("SELECT current_setting('moonthread.session_probe', true)")
_CLEAR: Final = text("SELECT set_config('moonthread.session_probe', '', false)")


async def has_transaction_pooling(database: Database) -> bool:
    """Return whether a session's state is lost between two transactions; False for SQLite.

    Marks the session of one connection, lets a second one hold a transaction, which takes the server
    connection that such a pooler has ready, and looks whether the first still sees its mark.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    if database.dialect == "sqlite":
        return False
    async with translated(), database.engine.connect() as first, database.engine.connect() as second:
        await first.execute(_MARK)
        await first.commit()
        await second.execute(text("SELECT 1"))  # begins a transaction and holds it
        kept = (await first.execute(_READ)).scalar_one()
        await first.execute(_CLEAR)
        await first.commit()
        return str(kept) != "kept"


async def warn_of_transaction_pooling(database: Database) -> None:
    """Log one line if the database is behind a pooler in transaction mode.

    Raises:
        StoreUnavailable: the database cannot be reached.
    """
    if await has_transaction_pooling(database):
        log.error("store.transaction_pooling", advice=ADVICE)
