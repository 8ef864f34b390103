"""Answers that need no Kimi: a chat's canned responses, and the admission that its documents say nothing.

::

    question ── canned response? ── sent, marked as one
        │
        ├────── passages found ── Kimi, with them before the question
        │
        └────── nothing found ── strict chat: the bot says so and offers a person; else Kimi

A strict chat's Kimi may say that the passages do not answer; the same admission is then shown.
Greetings, thanks and the like go to Kimi also in a strict chat; its prompt then forbids statements of fact.
"""

import asyncio
from typing import Protocol

from core.answering.turn_question import NoKnowledgeReply
from core.commands import CommandReply
from core.domain.buttons import ActionButton, DecideTools
from core.domain.command_names import CommandName
from core.domain.events import ButtonPressed, CommandReceived
from core.domain.turn_states import Outcome
from core.knowledge.canned_responses import add_label, find_canned_response
from core.knowledge.query import is_small_talk, parse_query
from core.knowledge.retrieval import MAX_LINES, KnowledgeRetriever
from core.store import Database, canned, history
from core.text.language import Language, pick
from core.turns.claimed_turn import ClaimedTurn
from core.turns.escalation import Escalation


class PredefinedAnswer(Protocol):
    """A way to answer a question without Kimi."""

    async def __call__(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return the answer; None leaves the question to the next way, at last to Kimi.

        It is asked again after a crash, so it must decide by what is stored.
        """


class NoKnowledgeAnswer:
    """Answers for a strict chat if its documents say nothing on a question."""

    def __init__(self, retriever: KnowledgeRetriever, escalation: Escalation) -> None:
        self._retriever = retriever
        self._escalation = escalation

    async def __call__(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return the admission with an offer of a person; None if something is known or nothing is asked."""
        found = await self._retriever.retrieve(claimed.conversation, claimed.turn, claimed.available_context)
        if not found.strict or found.passages or is_small_talk(found.query.text):
            return None
        reply = await self.admission(claimed)
        return CommandReply(text=reply.text, options=reply.buttons, outcome=Outcome.NO_KNOWLEDGE)

    async def admission(self, claimed: ClaimedTurn) -> NoKnowledgeReply:
        """Return the admission that nothing is known, with an offer of a person if one would come."""
        offer, buttons = await self._escalation.offer(claimed)
        return NoKnowledgeReply(
            text=f"{no_knowledge_text(claimed.language)}{offer}".rstrip(), buttons=buttons
        )


class CannedAnswer:
    """Answers questions for which the chat has a canned response."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, claimed: ClaimedTurn) -> CommandReply | None:
        """Return the canned response, marked as one; None if there is none, or another answer is wanted."""
        if not claimed.available_context.has_canned_responses or _wants_other_answer(claimed):
            return None
        conversation, turn = claimed.conversation, claimed.turn
        async with self._database.read() as tx:
            responses = await canned.load(tx, conversation.key)
            if not responses:
                return None
            lines = await history.load_recent(
                tx,
                conversation.id,
                after_seq=conversation.history_cutoff_seq,
                up_to_seq=turn.seq,
                limit=MAX_LINES,
            )
        query = parse_query(lines, question_seq=turn.first_seq)
        found = await asyncio.to_thread(find_canned_response, query.text, responses)
        if found is None:
            return None
        return CommandReply(text=add_label(found.answer, claimed.language), outcome=Outcome.CANNED)


def no_knowledge_text(language: Language) -> str:
    """Return the admission that a chat's documents do not answer a question."""
    return pick(
        language,
        zh="我在现有的资料里没有找到这个问题的答案，不想乱猜。",
        en="I found nothing on this in what I was given, and I would rather not guess. ",
    )


def _wants_other_answer(claimed: ClaimedTurn) -> bool:
    """Return whether the person asked for another answer than the one they got, or for more of it."""
    match claimed.event:
        case (
            CommandReceived(command=CommandName.RETRY)
            | ButtonPressed(action=ActionButton.RETRY | ActionButton.CONTINUE | DecideTools())
        ):
            return True
        case _:
            return False
