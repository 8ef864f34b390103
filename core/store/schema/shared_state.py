"""Tables of state that replicas share: rows of JSON that are locked while they change, and random keys."""

from sqlalchemy import JSON, BigInteger, Column, Index, String, Table

from core.store.schema.base import metadata
from core.store.schema.column_types import UtcDateTime


def _shared_state(name: str) -> Table:
    """Return a table for :class:`core.store.shared_state.SharedRows`."""
    return Table(
        name,
        metadata,
        Column("key", String(255), primary_key=True),
        Column("version", BigInteger, nullable=False),  # raised by each change
        Column("state", JSON, nullable=False),  # {} if it is new; its owner's codec writes a format version
        Column("updated_at", UtcDateTime, nullable=False),
        Index(f"ix_{name}_updated_at", "updated_at"),
    )


llm_limiter_state = _shared_state("llm_limiter_state")
"""One row for each Kimi account; the key is a hash of its API key (:mod:`core.llm.limiter_codec`)."""

delivery_budgets = _shared_state("delivery_budgets")
"""One row for each budget of a platform; the key is :attr:`core.ports.platform.Budget.key`."""

secrets = Table(
    "secrets",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(128), nullable=False),  # random bytes in hexadecimal
)
