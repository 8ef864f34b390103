"""What the store holds that an event may concern: one look as it comes in.

Mostly there is nothing: nobody is blocked, no person has taken over, the chat has no rules. Who would
have asked for each of these by itself asks the :class:`EventContext`, and looks closer only where it has to.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, literal, or_, select

from core.access.flood_limits import FloodCounter
from core.chat_policy import ChatRules, parse_rules
from core.domain.addresses import ChatType
from core.domain.events import (
    ButtonPressed,
    CommandReceived,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
)
from core.store import conversations, guard, rules, schema
from core.store.conversations import Conversation
from core.store.database import Transaction

_C, _H, _I, _P = schema.conversations, schema.handovers, schema.inbox, schema.paces
NO_FLOOD_COUNTER = FloodCounter()


@dataclass(frozen=True, slots=True, kw_only=True)
class EventContext:
    """What there is to know about an event before anything is decided."""

    is_duplicate: bool = False  #: it was delivered before
    is_blocked: bool = False  #: its author gets no answers there
    rules: ChatRules | None = None  #: of the chat; None where it has none
    conversation: Conversation | None = None  #: with the key of the event
    replied_conversation: Conversation | None = (
        None  #: which it goes on with as a reply, where replies make conversations
    )
    may_concern_handoff: bool = False  #: what people took over, now or once, may have to do with it
    chat_type: ChatType = ChatType.DIRECT
    flood_counter: FloodCounter = NO_FLOOD_COUNTER  #: how its author asked lately
    flood_counter_at: datetime | None = None  #: since when that stands; None where they never asked

    @property
    def group_rules(self) -> ChatRules | None:
        """The rules by which the bot speaks in a group or channel; None where it has none, or is no group."""
        return self.rules if self.chat_type is ChatType.GROUP else None


async def load_event_context(
    tx: Transaction,
    event: MessageReceived | CommandReceived | ButtonPressed | MessageEdited | MessageDeleted | MemberJoined,
) -> EventContext:
    """Return what the store holds that ``event`` may concern."""
    key = event.address.key
    replied = (
        await conversations.find_replied(tx, event)
        if isinstance(event, MessageReceived | CommandReceived)
        else None
    )
    values = {
        **asdict(key),
        "delivery_id": event.delivery_id[:255],
        "person_id": event.author.id,
        "replied": replied.id if replied is not None else -1,
    }
    row = (await tx.execute(_LOAD, values)).one()
    return EventContext(
        is_duplicate=row.seen,
        is_blocked=row.blocked,
        rules=None if row.words is None else parse_rules(row.words),
        conversation=conversations.from_row(row) if row.id is not None else None,
        replied_conversation=replied,
        may_concern_handoff=row.handover,
        chat_type=event.chat_type,
        flood_counter=guard.parse_flood_counter(row.pace),
        flood_counter_at=row.pace_at,
    )


_IN_CHANNEL = (
    _C.c.platform == bindparam("platform"),
    _C.c.tenant == bindparam("tenant"),
    _C.c.channel == bindparam("channel"),
)
_BY_PERSON = (
    _P.c.platform == bindparam("platform"),
    _P.c.tenant == bindparam("tenant"),
    _P.c.person_id == bindparam("person_id"),
)
_IS_DUPLICATE = exists().where(
    _I.c.platform == bindparam("platform"),
    _I.c.tenant == bindparam("tenant"),
    _I.c.delivery_id == bindparam("delivery_id"),
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
    _IS_DUPLICATE.label("seen"),
    guard.IS_BLOCKED.label("blocked"),
    rules.RULES_QUERY.scalar_subquery().label("words"),
    or_(_IN_DESK_THREAD, _HANDOFF_IN_CHANNEL, _HANDOFF_OF_CONVERSATION).label("handover"),
    _P.c.payload.label("pace"),
    _P.c.touched_at.label("pace_at"),
    *conversations.COLUMNS,
).select_from(
    _ONE_ROW.outerjoin(_C, and_(*_IN_CHANNEL, _C.c.thread == bindparam("thread"))).outerjoin(
        _P, and_(*_BY_PERSON)
    )
)
