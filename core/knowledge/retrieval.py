"""What a chat's team knows on a question: looked up once, for what the bot says itself and for the prompt."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from core.chat_policy import ChatRules
from core.knowledge.asked import Asked, asked_in, is_small_talk
from core.knowledge.finder import Found, find
from core.knowledge.scope import scope_of
from core.store import Database, history
from core.store.conversations import Conversation
from core.store.open_work import Background
from core.store.turns import Turn

log = structlog.get_logger(__name__)

MOST_LINES = 20  #: that are looked through for the question and the one before it
_REMEMBERED = 256  #: questions whose passages are kept until their prompt is built


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """What is known on one question."""

    asked: Asked
    found: Sequence[Found] = ()
    strict: bool = False  #: the chat answers from what it knows alone


class Knowledge:
    """Looks questions up in what their chat knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._latest: OrderedDict[tuple[int, int], Consulted] = OrderedDict()

    async def consult(self, conversation: Conversation, turn: Turn, background: Background) -> Consulted:
        """Return what is known on a turn's question; the same for one run of a turn, however often asked.

        Raises:
            StoreUnavailable: it could not be read.
        """
        run = (turn.id, turn.run)
        if run not in self._latest:
            self._latest[run] = await self._looked_up(conversation, turn, background)
            while len(self._latest) > _REMEMBERED:
                self._latest.popitem(last=False)
        return self._latest[run]

    async def _looked_up(self, conversation: Conversation, turn: Turn, background: Background) -> Consulted:
        rules = background.rules or ChatRules()
        if not (background.knowledge or rules.strict):
            return Consulted(asked=Asked(question=""))
        async with self._database.read() as tx:
            scope = await scope_of(tx, conversation.key, rules)
            if not scope.set_ids and not scope.strict:
                return Consulted(asked=Asked(question=""))
            lines = await history.recent(
                tx,
                conversation.id,
                after_seq=conversation.history_after,
                up_to_seq=turn.seq,
                max_lines=MOST_LINES,
            )
            # Several questions may have been merged into this turn.
            asked = asked_in(lines, question_seq=min(turn.seq, turn.inbox_id))
            found: Sequence[Found] = ()
            # The dictionary's first use takes a moment.
            if not await asyncio.to_thread(is_small_talk, asked.question):
                found = await find(tx, scope.set_ids, asked.question, before=asked.before)
        log.info("knowledge_consulted", sets=len(scope.set_ids), found=len(found), strict=scope.strict)
        return Consulted(asked=asked, found=found, strict=scope.strict)
