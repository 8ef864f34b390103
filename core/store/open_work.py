"""What is open in one line of work, with all that decides how it is answered: one look for each turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, exists, func, or_, select

from core.access import RefusalReason
from core.chat_policy import ChatRules, parse_rules
from core.domain.addresses import ChatType
from core.domain.events import MessageReceived
from core.store import conversations, files, inbox, rules, schema
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.inbox import InboxItem, QueueKey

_C, _I, _M, _R = schema.conversations, schema.inbox, schema.messages, schema.refused
_S, _K = schema.knowledge_sets, schema.canned


@dataclass(frozen=True, slots=True, kw_only=True)
class AvailableContext:
    """What the store holds for the answers of a conversation, beside what was said in it.

    Where it holds nothing of a kind, that need not be looked for.
    """

    rules: ChatRules | None = None  #: of the chat; None where it has none
    chat_type: ChatType = ChatType.DIRECT
    has_settings: bool = True  #: the conversation chose something for itself
    has_canned_responses: bool = True  #: the chat has ready answers
    has_knowledge: bool = True  #: there are sets that the chat might use
    has_files: bool = (
        True  #: there are files in the conversation, or the question may mean one from elsewhere
    )
    has_summaries: bool = True  #: there are notes on the conversation's beginning

    @property
    def group_rules(self) -> ChatRules | None:
        """The rules by which the bot speaks in a group or channel; None where it has none, or is no group."""
        return self.rules if self.chat_type is ChatType.GROUP else None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWork:
    """The oldest open events of a conversation, in order."""

    conversation: Conversation
    items: Sequence[InboxItem]
    available_context: AvailableContext


async def load_open_work(
    tx: Transaction, queue_key: QueueKey, *, limit: int, file_marker: str
) -> OpenWork | None:
    """Return what is open in a line of work, at most ``limit`` events; None where nothing is.

    ``reference`` is what a message holds, in any case, that means a file.
    """
    pattern = "".join(f"\\{char}" if char in "\\%_" else char for char in file_marker.lower())
    values = {
        "conversation": queue_key.conversation_id,
        "lane": queue_key.lane.value,
        "most": limit,
        "pattern": f"%{pattern}%",
    }
    rows = (await tx.execute(_OPEN, values)).all()
    if not rows:
        return None
    first = rows[0]
    conversation = conversations.from_row(first)
    items = [
        inbox.build_item(
            row.item_id,
            row.payload,
            row.received_at,
            refusal_reason=RefusalReason(row.refused) if row.refused else None,
        )
        for row in rows
    ]
    return OpenWork(
        conversation=conversation,
        items=items,
        available_context=AvailableContext(
            rules=None if first.words is None else parse_rules(first.words),
            chat_type=conversation.chat_type,
            has_settings=first.choices,
            has_canned_responses=first.canned,
            has_knowledge=first.knowledge,
            # What asks for another answer means files that an earlier question named.
            has_files=any(row.files for row in rows) or not isinstance(items[0].event, MessageReceived),
            has_summaries=first.summaries,
        ),
    )


_HAS_CANNED_RESPONSES = exists().where(
    _K.c.platform == _C.c.platform, _K.c.tenant == _C.c.tenant, _K.c.channel == _C.c.channel
)
_HAS_KNOWLEDGE = exists().where(
    or_(
        and_(_S.c.platform == _C.c.platform, _S.c.tenant == _C.c.tenant),
        and_(_S.c.platform == "", _S.c.tenant == ""),
    )
)
_NAMES_FILE = exists().where(
    _M.c.conversation_id == _C.c.id,
    _M.c.seq > files.previous_question_query(_C.c.id, _I.c.id).correlate(_C, _I).scalar_subquery(),
    _M.c.seq <= _I.c.id,
    func.lower(_M.c.text).like(bindparam("pattern"), escape="\\"),
)
_OPEN = (
    select(
        _I.c.id.label("item_id"),
        _I.c.payload,
        _I.c.received_at,
        _R.c.why.label("refused"),
        *conversations.COLUMNS,
        rules.rules_query(_C.c.platform, _C.c.tenant, _C.c.channel).scalar_subquery().label("words"),
        exists().where(schema.choices.c.conversation_id == _C.c.id).label("choices"),
        _HAS_CANNED_RESPONSES.label("canned"),
        _HAS_KNOWLEDGE.label("knowledge"),
        or_(exists().where(schema.files.c.conversation_id == _C.c.id), _NAMES_FILE).label("files"),
        exists().where(schema.summaries.c.conversation_id == _C.c.id).label("summaries"),
    )
    .select_from(_I.join(_C, _C.c.id == _I.c.conversation_id).outerjoin(_R, _R.c.inbox_id == _I.c.id))
    .where(*inbox.OPEN_IN_QUEUE)
    .order_by(_I.c.id)
    .limit(bindparam("most"))
)
