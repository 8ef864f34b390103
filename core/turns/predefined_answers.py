"""What a team knows, in a conversation: looked up before Kimi is asked, and said so where it is nothing.

::

    question ── ready answer? ── said again, marked as such
        │
        ├────── passages found ── Kimi, with them before the question
        │
        └────── nothing found ── strict: the bot says so and offers a person ("unknown"); else Kimi

Greetings, thanks and the like are Kimi's also in a strict chat: it is told to state nothing then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from core.commands import CommandReply
from core.domain.buttons import ActionButton, OptionButton
from core.domain.command_names import CommandName
from core.domain.events import ButtonPressed, CommandReceived
from core.domain.turn_states import Outcome
from core.knowledge.canned_responses import add_label, find_canned_response
from core.knowledge.query import is_small_talk, parse_query
from core.knowledge.retrieval import MAX_LINES, KnowledgeRetriever
from core.store import Database, canned, history
from core.text.language import Language, pick
from core.turns.claimer import ClaimedTurn

HandoffOfferProvider: TypeAlias = Callable[[ClaimedTurn], Awaitable[tuple[str, tuple[OptionButton, ...]]]]
"""How a chat offers a person: a sentence, and buttons below it; ("", ()) where nobody would come."""


class NoKnowledgeAnswer:
    """Own words of a strict chat that knows nothing on a question. Its outcome is "unknown"."""

    def __init__(self, knowledge: KnowledgeRetriever, *, offer: HandoffOfferProvider | None = None) -> None:
        self._knowledge = knowledge
        self._offer = offer

    async def __call__(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return the words; None where something is known, or nothing was asked that could be."""
        known = await self._knowledge.retrieve(claimed.conversation, claimed.turn, claimed.available_context)
        if not known.strict or known.passages or is_small_talk(known.query.text):
            return None
        words, choices = await self._offer(claimed) if self._offer is not None else ("", ())
        text = no_knowledge_text(claimed.language)
        return CommandReply(text=f"{text}{words}".rstrip(), options=choices, outcome=Outcome.NO_KNOWLEDGE)


class CannedAnswer:
    """Own words for a question that has a ready answer. Its outcome is "canned"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return the ready answer, marked as one; None where there is none, or another is wanted."""
        if not claimed.available_context.has_canned_responses or _is_retry(claimed):
            return None
        conversation, turn = claimed.conversation, claimed.turn
        async with self._database.read() as tx:
            ready = await canned.load(tx, conversation.key)
            if not ready:
                return None
            lines = await history.load_recent(
                tx,
                conversation.id,
                after_seq=conversation.history_cutoff_seq,
                up_to_seq=turn.seq,
                limit=MAX_LINES,
            )
        asked = parse_query(lines, question_seq=min(turn.seq, turn.inbox_id))
        found = await asyncio.to_thread(find_canned_response, asked.text, ready)
        if found is None:
            return None
        return CommandReply(text=add_label(found.answer, claimed.language), outcome=Outcome.CANNED)


def no_knowledge_text(language: Language) -> str:
    """Return how the bot says that a team's texts do not answer a question."""
    return pick(
        language,
        zh="我在现有的资料里没有找到这个问题的答案，不想乱猜。",
        en="I found nothing on this in what I was given, and I would rather not guess. ",
    )


def _is_retry(claimed: ClaimedTurn) -> bool:
    """Tell whether the person asked for another answer than the one they got, or for more of it."""
    match claimed.event:
        case (
            CommandReceived(command=CommandName.RETRY)
            | ButtonPressed(action=ActionButton.RETRY | ActionButton.CONTINUE)
        ):
            return True
        case _:
            return False
