"""Conditions that rows belong to some (platform, tenant) pairs, as each lookup's own index serves them."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, false, or_

from core.store import schema

_C = schema.conversations


def is_of_tenants(
    platform: ColumnElement[str], tenant: ColumnElement[str], tenants: Collection[tuple[str, str]]
) -> ColumnElement[bool]:
    """Return the condition that a row's two columns are one of ``tenants``."""
    return or_(false(), *(and_(platform == one, tenant == id_) for one, id_ in sorted(tenants)))


def is_in_conversation_of(
    conversation_id: ColumnElement[int], tenants: Collection[tuple[str, str]]
) -> ColumnElement[bool]:
    """Return the condition that a row's conversation is one of ``tenants``; it is found by its key."""
    return exists().where(_C.c.id == conversation_id, is_of_tenants(_C.c.platform, _C.c.tenant, tenants))
