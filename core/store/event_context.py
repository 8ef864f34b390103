"""What the store holds that an event may concern: one look as it comes in.

Mostly there is nothing: nobody is blocked, no person has taken over, the chat has no rules. Who would
have asked for each of these by itself asks the :class:`Arrival`, and looks closer only where it has to.
"""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import and_, bindparam, exists, literal, or_, select

from core.access.flood_limits import Pace
from core.chat_policy import ChatRules, from_words
from core.domain.events import Deleted, Edited, Joined, Ordered, Pressed, Said, Scene
from core.store import conversations, guard, rules, schema
from core.store.conversations import Conversation
from core.store.database import Transaction

_C, _H, _I, _P = schema.conversations, schema.handovers, schema.inbox, schema.paces
NO_PACE = Pace()


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What there is to know about an event before anything is decided."""

    seen: bool = False  #: it was delivered before
    blocked: bool = False  #: its author gets no answers there
    rules: ChatRules | None = None  #: of the chat; None where it has none
    conversation: Conversation | None = None  #: with the key of the event
    replied: Conversation | None = None  #: which it goes on with as a reply, where replies make conversations
    handover: bool = False  #: what people took over, now or once, may have to do with it
    scene: Scene = Scene.DIRECT
    pace: Pace = NO_PACE  #: how its author asked lately
    pace_at: datetime | None = None  #: since when that stands; None where they never asked

    @property
    def group_rules(self) -> ChatRules | None:
        """The rules by which the bot speaks in a group or channel; None where it has none, or is no group."""
        return self.rules if self.scene is Scene.GROUP else None


async def look(tx: Transaction, event: Said | Ordered | Pressed | Edited | Deleted | Joined) -> Arrival:
    """Return what the store holds that ``event`` may concern."""
    key = event.address.key
    replied = await conversations.replied_to(tx, event) if isinstance(event, Said | Ordered) else None
    values = {
        **asdict(key),
        "delivery_id": event.delivery_id[:255],
        "person_id": event.author.id,
        "replied": replied.id if replied is not None else -1,
    }
    row = (await tx.execute(_LOOK, values)).one()
    return Arrival(
        seen=row.seen,
        blocked=row.blocked,
        rules=None if row.words is None else from_words(row.words),
        conversation=conversations.of_row(row) if row.id is not None else None,
        replied=replied,
        handover=row.handover,
        scene=event.scene,
        pace=guard.read_pace(row.pace),
        pace_at=row.pace_at,
    )


_HERE = (
    _C.c.platform == bindparam("platform"),
    _C.c.tenant == bindparam("tenant"),
    _C.c.channel == bindparam("channel"),
)
_PERSON = (
    _P.c.platform == bindparam("platform"),
    _P.c.tenant == bindparam("tenant"),
    _P.c.person_id == bindparam("person_id"),
)
_SEEN = exists().where(
    _I.c.platform == bindparam("platform"),
    _I.c.tenant == bindparam("tenant"),
    _I.c.delivery_id == bindparam("delivery_id"),
)
_THREAD_OF_DESK = exists().where(
    bindparam("thread") != "",
    _H.c.desk_platform == bindparam("platform"),
    _H.c.desk_channel == bindparam("channel"),
    _H.c.desk_thread == bindparam("thread"),
)
_talks = _C.alias()
_UNDER_WAY_HERE = exists().where(
    _H.c.ended_at.is_(None),
    _H.c.conversation_id == _talks.c.id,
    _talks.c.platform == bindparam("platform"),
    _talks.c.tenant == bindparam("tenant"),
    _talks.c.channel == bindparam("channel"),
)
_OF_CONVERSATION = exists().where(
    or_(_H.c.conversation_id == _C.c.id, _H.c.conversation_id == bindparam("replied"))
)
_ONE = select(literal(1).label("one")).subquery("one")
_LOOK = select(
    _SEEN.label("seen"),
    guard.STANDS_AGAINST.label("blocked"),
    rules.WORDS.scalar_subquery().label("words"),
    or_(_THREAD_OF_DESK, _UNDER_WAY_HERE, _OF_CONVERSATION).label("handover"),
    _P.c.payload.label("pace"),
    _P.c.touched_at.label("pace_at"),
    *conversations.COLUMNS,
).select_from(
    _ONE.outerjoin(_C, and_(*_HERE, _C.c.thread == bindparam("thread"))).outerjoin(_P, and_(*_PERSON))
)
