"""Everything stored that may concern an incoming event, read in one query.

Mostly nothing is: the author is not blocked, no person has taken over, the chat has no rules. Each part
of the product that handles events reads the :class:`EventContext` first and queries more only if needed.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, literal, or_, select

from core.access.flood_limits import FloodCounter
from core.chat_policy import ChatRules, parse_rules
from core.domain.addresses import ChatType
from core.domain.events import CommandReceived, MessageReceived, PersonEvent
from core.store import blocked_people, conversations, rules, schema
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.inbox import MAX_DELIVERY_ID_CHARS, client_delivery_id

_C, _H, _I, _F = schema.conversations, schema.handoffs, schema.inbox, schema.flood_counters


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFloodCounter:
    """How an event's author has asked lately."""

    counter: FloodCounter
    updated_at: datetime  #: for a compare-and-swap (:func:`core.store.flood_counters.save`)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventContext:
    """Stored data that may concern an event."""

    is_duplicate: bool = False  #: whether the event was stored before
    is_blocked: bool = False  #: whether its author is blocked there
    rules: ChatRules | None = None  #: of the chat; None if it has none
    conversation: Conversation | None = None  #: the one with the event's key
    replied_conversation: Conversation | None = None  #: the one it continues as a reply, if replies thread
    may_concern_handoff: bool = False
    """Whether the event is in a thread of a team's room, in a channel with a handoff under way, or in a
    conversation that was ever handed over."""
    chat_type: ChatType = ChatType.DIRECT
    flood: StoredFloodCounter | None = None  #: None if its author has never asked anything

    @property
    def group_rules(self) -> ChatRules | None:
        """The rules of a group or channel; None if it has none or is a direct conversation."""
        return self.rules if self.chat_type is ChatType.GROUP else None


_IN_CHANNEL = (
    _C.c.platform == bindparam("platform"),
    _C.c.tenant == bindparam("tenant"),
    _C.c.channel == bindparam("channel"),
)
_BY_AUTHOR = (
    _F.c.platform == bindparam("platform"),
    _F.c.tenant == bindparam("tenant"),
    _F.c.person_id == bindparam("person_id"),
)
_IS_DUPLICATE = exists().where(
    _I.c.platform == bindparam("platform"),
    _I.c.tenant == bindparam("tenant"),
    _I.c.delivery_id.in_([bindparam("delivery_id"), bindparam("client_delivery_id")]),
)
_IN_DESK_THREAD = exists().where(
    bindparam("thread") != "",
    _H.c.desk_platform == bindparam("platform"),
    _H.c.desk_channel == bindparam("channel"),
    _H.c.desk_thread == bindparam("thread"),
)
_conversations = _C.alias()
_HANDOFF_IN_CHANNEL = exists().where(
    _H.c.ended_at.is_(None),
    _H.c.conversation_id == _conversations.c.id,
    _conversations.c.platform == bindparam("platform"),
    _conversations.c.tenant == bindparam("tenant"),
    _conversations.c.channel == bindparam("channel"),
)
_HANDOFF_OF_CONVERSATION = exists().where(
    or_(_H.c.conversation_id == _C.c.id, _H.c.conversation_id == bindparam("replied"))
)
_ONE_ROW = select(literal(1).label("one")).subquery("one")
_LOAD = select(
    _IS_DUPLICATE.label("is_duplicate"),
    blocked_people.IS_BLOCKED.label("is_blocked"),
    rules.RULES_QUERY.scalar_subquery().label("rules"),
    or_(_IN_DESK_THREAD, _HANDOFF_IN_CHANNEL, _HANDOFF_OF_CONVERSATION).label("may_concern_handoff"),
    _F.c.counter.label("flood_counter"),
    _F.c.updated_at.label("flood_updated_at"),
    *conversations.COLUMNS,
).select_from(
    _ONE_ROW.outerjoin(_C, and_(*_IN_CHANNEL, _C.c.thread == bindparam("thread"))).outerjoin(
        _F, and_(*_BY_AUTHOR)
    )
)


async def load_event_context(tx: Transaction, event: PersonEvent) -> EventContext:
    """Return the stored data that may concern ``event``."""
    replied = (
        await conversations.find_replied(tx, event)
        if isinstance(event, MessageReceived | CommandReceived)
        else None
    )
    values = {
        **asdict(event.address.key),
        "delivery_id": event.delivery_id[:MAX_DELIVERY_ID_CHARS],
        "client_delivery_id": client_delivery_id(event),
        "person_id": event.author.id,
        "replied": replied.id if replied is not None else -1,
    }
    row = (await tx.execute(_LOAD, values)).one()
    flood = None
    if row.flood_counter is not None:
        flood = StoredFloodCounter(counter=row.flood_counter, updated_at=row.flood_updated_at)
    return EventContext(
        is_duplicate=row.is_duplicate,
        is_blocked=row.is_blocked,
        rules=None if row.rules is None else parse_rules(row.rules),
        conversation=conversations.from_row(row) if row.id is not None else None,
        replied_conversation=replied,
        may_concern_handoff=row.may_concern_handoff,
        chat_type=event.chat_type,
        flood=flood,
    )
