"""Retrieval for one turn: searched once, then used by predefined answers and by the prompt."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from core.chat_policy import ChatRules
from core.knowledge.finder import FoundPassage, PassageFinder
from core.knowledge.query import KnowledgeQuery, is_small_talk, parse_query
from core.knowledge.scope import load_set_ids
from core.knowledge.vector_search import VectorSearch
from core.llm.reply_marker import new_code
from core.store import Database, history
from core.store.conversations import Conversation
from core.store.open_work import AvailableContext
from core.store.turns import Turn

log = structlog.get_logger(__name__)

MAX_LINES = 20  #: newest messages among which the question and the one before it are looked for
_CACHE_SIZE = 256  #: turns whose results are kept until their prompts are built


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalResult:
    """The passages found for one question."""

    query: KnowledgeQuery
    passages: Sequence[FoundPassage] = ()
    strict: bool = False  #: the chat answers from its knowledge alone
    marker_code: str = ""  #: of the marker by which Kimi says that the passages do not answer; "" for none


class KnowledgeRetriever:
    """Searches the knowledge of a turn's chat."""

    def __init__(self, database: Database, vectors: VectorSearch | None = None) -> None:
        """``vectors`` compares meanings too; None compares words alone."""
        self._database = database
        self.finder = PassageFinder(database, vectors)
        self._cache: OrderedDict[tuple[int, int], RetrievalResult] = OrderedDict()

    async def retrieve(
        self, conversation: Conversation, turn: Turn, available: AvailableContext
    ) -> RetrievalResult:
        """Return the passages for a turn's question; one search per attempt, repeated calls are cached.

        Raises:
            StoreUnavailable: the knowledge could not be read.
        """
        attempt = (turn.id, turn.attempt)
        if attempt not in self._cache:
            self._cache[attempt] = await self._search(conversation, turn, available)
            while len(self._cache) > _CACHE_SIZE:
                self._cache.popitem(last=False)
        return self._cache[attempt]

    async def _search(
        self, conversation: Conversation, turn: Turn, available: AvailableContext
    ) -> RetrievalResult:
        rules = available.rules or ChatRules()
        if not (available.has_knowledge or rules.strict):
            return RetrievalResult(query=KnowledgeQuery(text=""))
        async with self._database.read() as tx:
            set_ids = await load_set_ids(tx, conversation.key, rules)
            if not set_ids and not rules.strict:
                return RetrievalResult(query=KnowledgeQuery(text=""))
            lines = await history.load_recent(
                tx,
                conversation.id,
                after_seq=conversation.history_cutoff_seq,
                up_to_seq=turn.seq,
                limit=MAX_LINES,
            )
        query = parse_query(lines, question_seq=turn.first_seq)
        found: Sequence[FoundPassage] = ()
        # In a thread: the first use of the segmenter loads its dictionary.
        if not await asyncio.to_thread(is_small_talk, query.text):
            found = await self.finder.find(set_ids, query.text, previous_question=query.previous)
        log.info(
            "knowledge.searched",
            sets=len(set_ids),
            found=len(found),
            strict=rules.strict,
            model=found[0].model if found else "",
        )
        code = new_code() if rules.strict else ""
        return RetrievalResult(query=query, passages=found, strict=rules.strict, marker_code=code)
