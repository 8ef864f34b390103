"""What is open in one line of work, with all that decides how it is answered: one look for each turn."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, bindparam, exists, func, or_, select

from core.chat_policy import ChatRules, from_words
from core.domain.events import Said, Scene
from core.store import conversations, files, inbox, rules, schema
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.inbox import Item, Work

_C, _I, _M, _R = schema.conversations, schema.inbox, schema.messages, schema.refused
_S, _K = schema.knowledge_sets, schema.canned


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What the store holds for the answers of a conversation, beside what was said in it.

    Where it holds nothing of a kind, that need not be looked for.
    """

    rules: ChatRules | None = None  #: of the chat; None where it has none
    scene: Scene = Scene.DIRECT
    choices: bool = True  #: the conversation chose something for itself
    canned: bool = True  #: the chat has ready answers
    knowledge: bool = True  #: there are sets that the chat might use
    files: bool = True  #: there are files in the conversation, or the question may mean one from elsewhere
    summaries: bool = True  #: there are notes on the conversation's beginning

    @property
    def group_rules(self) -> ChatRules | None:
        """The rules by which the bot speaks in a group or channel; None where it has none, or is no group."""
        return self.rules if self.scene is Scene.GROUP else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """The oldest open events of a conversation, in order."""

    conversation: Conversation
    items: Sequence[Item]
    background: Background


async def of(tx: Transaction, work: Work, *, limit: int, reference: str) -> Agenda | None:
    """Return what is open in a line of work, at most ``limit`` events; None where nothing is.

    ``reference`` is what a message holds, in any case, that means a file.
    """
    pattern = "".join(f"\\{char}" if char in "\\%_" else char for char in reference.lower())
    values = {
        "conversation": work.conversation_id,
        "lane": work.lane.value,
        "most": limit,
        "pattern": f"%{pattern}%",
    }
    rows = (await tx.execute(_OPEN, values)).all()
    if not rows:
        return None
    first = rows[0]
    conversation = conversations.of_row(first)
    items = [inbox.item(row.item_id, row.payload, row.received_at, refused=row.refused or "") for row in rows]
    return Agenda(
        conversation=conversation,
        items=items,
        background=Background(
            rules=None if first.words is None else from_words(first.words),
            scene=conversation.scene,
            choices=first.choices,
            canned=first.canned,
            knowledge=first.knowledge,
            # What asks for another answer means files that an earlier question named.
            files=any(row.files for row in rows) or not isinstance(items[0].event, Said),
            summaries=first.summaries,
        ),
    )


_CANNED = exists().where(
    _K.c.platform == _C.c.platform, _K.c.tenant == _C.c.tenant, _K.c.channel == _C.c.channel
)
_KNOWLEDGE = exists().where(
    or_(
        and_(_S.c.platform == _C.c.platform, _S.c.tenant == _C.c.tenant),
        and_(_S.c.platform == "", _S.c.tenant == ""),
    )
)
_NAMES_FILE = exists().where(
    _M.c.conversation_id == _C.c.id,
    _M.c.seq > files.before(_C.c.id, _I.c.id).correlate(_C, _I).scalar_subquery(),
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
        rules.words_of(_C.c.platform, _C.c.tenant, _C.c.channel).scalar_subquery().label("words"),
        exists().where(schema.choices.c.conversation_id == _C.c.id).label("choices"),
        _CANNED.label("canned"),
        _KNOWLEDGE.label("knowledge"),
        or_(exists().where(schema.files.c.conversation_id == _C.c.id), _NAMES_FILE).label("files"),
        exists().where(schema.summaries.c.conversation_id == _C.c.id).label("summaries"),
    )
    .select_from(_I.join(_C, _C.c.id == _I.c.conversation_id).outerjoin(_R, _R.c.inbox_id == _I.c.id))
    .where(*inbox.OPEN_IN_LINE)
    .order_by(_I.c.id)
    .limit(bindparam("most"))
)
