"""The conversations that a person may read or change; a part of the queries that return them."""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, false, or_, select, true

from core.store import schema
from core.store.rules import ANY_TENANT

_C = schema.conversations
_H = schema.handoffs.alias("scope_handoffs")  # a query that has handoffs itself is not correlated with them


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPlace:
    """A channel or chat on a platform."""

    platform: str
    channel: str
    tenant: str = ANY_TENANT


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationScope:
    """A set of conversations: all, or those of some chats and those handed over to some desks."""

    everything: bool = False
    chats: frozenset[ChatPlace] = frozenset()
    desks: frozenset[ChatPlace] = frozenset()  #: rooms; their tenants are not compared

    def condition(self) -> ColumnElement[bool]:
        """Return the condition on a row of the table of conversations."""
        if self.everything:
            return true()
        return or_(
            false(),
            *(_is_in_chat(place) for place in self.chats),
            *(_was_at_desk(place) for place in self.desks),
        )

    def condition_on(self, conversation_id: ColumnElement[Any]) -> ColumnElement[bool]:
        """Return the condition on a column that holds the id of a conversation."""
        if self.everything:
            return true()
        return conversation_id.in_(select(_C.c.id).where(self.condition()).correlate(None))


EVERYTHING: Final = ConversationScope(everything=True)
NOTHING: Final = ConversationScope()


def _is_in_chat(place: ChatPlace) -> ColumnElement[bool]:
    here = (_C.c.platform == place.platform) & (_C.c.channel == place.channel)
    return here if place.tenant == ANY_TENANT else here & (_C.c.tenant == place.tenant)


def _was_at_desk(room: ChatPlace) -> ColumnElement[bool]:
    """Return the condition of a conversation with a handoff, open or ended, at a desk."""
    handed = select(_H.c.id).where(
        _H.c.conversation_id == _C.c.id,
        _H.c.desk_platform == room.platform,
        _H.c.desk_channel == room.channel,
    )
    return handed.exists()
