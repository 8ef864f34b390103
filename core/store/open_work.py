"""Open events of one queue with everything stored that decides how they are answered, in one query."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, exists, func, or_, select

from core.chat_policy import ChatRules, parse_rules
from core.domain.addresses import ChatType
from core.domain.events import MessageReceived
from core.domain.queue import QueueKey
from core.store import conversations, files, inbox, rules, schema
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.inbox import InboxItem

_C, _I, _M, _R = schema.conversations, schema.inbox, schema.messages, schema.rejected_events
_S, _K = schema.knowledge_sets, schema.canned_responses


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableContext:
    """Which kinds of stored data a conversation's answers can use.

    A kind that is not available needs no query.
    """

    rules: ChatRules | None  #: of the chat; None if it has none
    chat_type: ChatType
    has_settings: bool  #: whether the conversation has settings of its own
    has_canned_responses: bool  #: whether the chat has canned responses
    has_knowledge: bool  #: whether there are knowledge sets that the chat may use
    has_files: bool  #: whether the conversation has files, or the question may refer to one from elsewhere
    has_summaries: bool  #: whether the conversation's beginning was summarized

    @classmethod
    def unknown(cls, chat_type: ChatType, *, rules: ChatRules | None = None) -> "AvailableContext":
        """Return a context in which every kind may be available, so that each is queried."""
        return cls(
            rules=rules,
            chat_type=chat_type,
            has_settings=True,
            has_canned_responses=True,
            has_knowledge=True,
            has_files=True,
            has_summaries=True,
        )

    @property
    def group_rules(self) -> ChatRules | None:
        """The rules of a group or channel; None if it has none or is a direct conversation."""
        return self.rules if self.chat_type is ChatType.GROUP else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """The oldest open events of a conversation, in order."""

    conversation: Conversation
    items: Sequence[InboxItem]
    available_context: AvailableContext


_HAS_CANNED_RESPONSES = exists().where(
    _K.c.platform == _C.c.platform, _K.c.tenant == _C.c.tenant, _K.c.channel == _C.c.channel
)
_HAS_KNOWLEDGE = exists().where(
    or_(
        and_(_S.c.platform == _C.c.platform, _S.c.tenant == _C.c.tenant),
        and_(_S.c.platform == "", _S.c.tenant == ""),
    )
)
_REFERS_TO_FILE = exists().where(
    _M.c.conversation_id == _C.c.id,
    _M.c.seq > files.previous_question_query(_C.c.id, _I.c.id).correlate(_C, _I).scalar_subquery(),
    _M.c.seq <= _I.c.id,
    func.lower(_M.c.text).like(bindparam("pattern"), escape="\\"),
)
_LOAD = (
    select(
        _I.c.id.label("inbox_id"),
        _I.c.event,
        _I.c.received_at,
        _R.c.reason.label("refusal_reason"),
        *conversations.COLUMNS,
        rules.rules_query(_C.c.platform, _C.c.tenant, _C.c.channel).scalar_subquery().label("rules"),
        exists().where(schema.conversation_settings.c.conversation_id == _C.c.id).label("has_settings"),
        _HAS_CANNED_RESPONSES.label("has_canned_responses"),
        _HAS_KNOWLEDGE.label("has_knowledge"),
        or_(exists().where(schema.files.c.conversation_id == _C.c.id), _REFERS_TO_FILE).label("has_files"),
        exists().where(schema.summaries.c.conversation_id == _C.c.id).label("has_summaries"),
    )
    .select_from(_I.join(_C, _C.c.id == _I.c.conversation_id).outerjoin(_R, _R.c.inbox_id == _I.c.id))
    .where(*inbox.OPEN_IN_QUEUE)
    .order_by(_I.c.id)
    .limit(bindparam("limit"))
)


async def load_open_work(
    tx: Transaction, queue_key: QueueKey, *, limit: int, file_marker: str
) -> OpenWork | None:
    """Return at most ``limit`` open events of a queue, oldest first; None if there are none.

    ``file_marker`` is the text by which a message refers to a file, in any letter case.
    """
    pattern = "".join(f"\\{char}" if char in "\\%_" else char for char in file_marker.lower())
    values = {
        "conversation": queue_key.conversation_id,
        "lane": queue_key.lane,
        "limit": limit,
        "pattern": f"%{pattern}%",
    }
    rows = (await tx.execute(_LOAD, values)).all()
    if not rows:
        return None
    first = rows[0]
    conversation = conversations.from_row(first)
    items = [
        inbox.build_item(row.inbox_id, row.event, row.received_at, refusal_reason=row.refusal_reason)
        for row in rows
    ]
    # A retry uses the files that an earlier question refers to.
    is_retry = not isinstance(items[0].event, MessageReceived)
    return OpenWork(
        conversation=conversation,
        items=items,
        available_context=AvailableContext(
            rules=None if first.rules is None else parse_rules(first.rules),
            chat_type=conversation.chat_type,
            has_settings=first.has_settings,
            has_canned_responses=first.has_canned_responses,
            has_knowledge=first.has_knowledge,
            has_files=is_retry or any(row.has_files for row in rows),
            has_summaries=first.has_summaries,
        ),
    )
