"""The table of what platforms grant: one row for each budget that replicas share."""

from sqlalchemy import JSON, Column, Index, String, Table

from core.store.schema.base import UtcDateTime, metadata

delivery_budgets = Table(
    "delivery_budgets",
    metadata,
    Column("key", String(255), primary_key=True),  # core.ports.platform.Budget.key
    Column("payload", JSON, nullable=False),  # core.delivery.shared_budget: level, calls in the air, who else
    Column("touched_at", UtcDateTime, nullable=False),
    Index("ix_delivery_budgets_touched_at", "touched_at"),
)
