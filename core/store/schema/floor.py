"""Table that tells older code whether it may run on tables that newer code has changed."""

from sqlalchemy import Column, String, Table

from core.store.schema.base import metadata

schema_floor = Table(
    "schema_floor",
    metadata,
    Column("revision", String(32), primary_key=True),  # one row: the oldest revision whose code may run
)
