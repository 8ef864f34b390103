"""What a chat's team knows on a question: looked up once, for what the bot says itself and for the prompt."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from core.chat_policy import ChatRules
from core.knowledge.finder import FoundPassage, find_passages
from core.knowledge.query import KnowledgeQuery, is_small_talk, parse_query
from core.knowledge.scope import load_scope
from core.store import Database, history
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.turns import Turn

log = structlog.get_logger(__name__)

MAX_LINES = 20  #: that are looked through for the question and the one before it
_CACHE_SIZE = 256  #: questions whose passages are kept until their prompt is built


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalResult:
    """What is known on one question."""

    query: KnowledgeQuery
    passages: Sequence[FoundPassage] = ()
    strict: bool = False  #: the chat answers from what it knows alone


class KnowledgeRetriever:
    """Looks questions up in what their chat knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[tuple[int, int], RetrievalResult] = OrderedDict()

    async def retrieve(
        self, conversation: Conversation, turn: Turn, available: AvailableContext
    ) -> RetrievalResult:
        """Return what is known on a turn's question; the same for one run of a turn, however often asked.

        Raises:
            StoreUnavailable: it could not be read.
        """
        run = (turn.id, turn.attempt)
        if run not in self._cache:
            self._cache[run] = await self._search(conversation, turn, available)
            while len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
        return self._cache[run]

    async def _search(
        self, conversation: Conversation, turn: Turn, available: AvailableContext
    ) -> RetrievalResult:
        rules = available.rules or ChatRules()
        if not (available.has_knowledge or rules.strict):
            return RetrievalResult(query=KnowledgeQuery(text=""))
        async with self._database.read() as tx:
            scope = await load_scope(tx, conversation.key, rules)
            if not scope.set_ids and not scope.strict:
                return RetrievalResult(query=KnowledgeQuery(text=""))
            lines = await history.load_recent(
                tx,
                conversation.id,
                after_seq=conversation.history_cutoff_seq,
                up_to_seq=turn.seq,
                limit=MAX_LINES,
            )
            # Several questions may have been merged into this turn.
            asked = parse_query(lines, question_seq=min(turn.seq, turn.inbox_id))
            found: Sequence[FoundPassage] = ()
            # The dictionary's first use takes a moment.
            if not await asyncio.to_thread(is_small_talk, asked.text):
                found = await find_passages(tx, scope.set_ids, asked.text, previous_question=asked.previous)
        log.info("knowledge.searched", sets=len(scope.set_ids), found=len(found), strict=scope.strict)
        return RetrievalResult(query=asked, passages=found, strict=scope.strict)
