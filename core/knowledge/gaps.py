"""Proposals from gaps: questions that the bot could not answer and the team did.

A proposal is a sentence for ``also`` if a passage says what the team answered, else a ready answer of the
chat. None is taken by itself: ``moonthread knowledge take`` and the console take one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.chat_policy import ChatRules
from core.knowledge.added_aliases import add_alias
from core.knowledge.canned_responses import find_canned_response
from core.knowledge.finder import FoundPassage, PassageFinder
from core.knowledge.scope import load_set_ids
from core.store import Database, canned, conversations, gaps, rules
from core.store.turn_reports import TurnReport

SAME_RELEVANCE: Final = 0.45  #: by words, of a passage for the team's answer, from which on it says the same
MAX_QUESTION_CHARS: Final = 500  #: of a question that becomes an alias or a ready answer


@dataclass(frozen=True, slots=True, kw_only=True)
class GapProposal:
    """One question with the team's answer, and what may become of it."""

    turn: TurnReport
    reply: str  #: the team's words, one message a line
    passage: FoundPassage | None  #: the passage that says the same; None proposes a ready answer
    is_taken: bool  #: the passage has the question already, or a ready answer matches it


async def load_proposals(database: Database, turns: Sequence[TurnReport]) -> Sequence[GapProposal]:
    """Return the proposals from those of ``turns``, which are gaps, that the team has answered.

    The team's words are compared with the passages of the chat by words alone.

    Raises:
        StoreUnavailable: the store cannot be read.
    """
    async with database.read() as tx:
        replies = await gaps.load_team_replies(tx, [turn.id for turn in turns])
    finder = PassageFinder(database)
    return [
        await _propose(database, finder, turn, "\n".join(replies[turn.id]))
        for turn in turns
        if turn.question and turn.id in replies
    ]


async def take_proposal(database: Database, proposal: GapProposal, *, as_ready_answer: bool = False) -> bool:
    """Store a proposal: as another sentence of its passage, or as a ready answer of its chat.

    Returns False if the passage is gone.

    Raises:
        StoreUnavailable: nothing was stored.
    """
    turn, passage = proposal.turn, proposal.passage
    if passage is not None and not as_ready_answer:
        return await take_as_alias(database, passage.document_id, passage.entry.uid, turn.question)
    await take_as_ready_answer(database, turn.conversation_id, turn.question, proposal.reply)
    return True


async def take_as_alias(database: Database, document_id: int, uid: str, question: str) -> bool:
    """Let a question find a passage; return False if the passage is gone.

    Raises:
        StoreUnavailable: nothing was stored.
    """
    return await add_alias(database, document_id, uid, question[:MAX_QUESTION_CHARS])


async def take_as_ready_answer(
    database: Database, conversation_id: int, question: str, answer: str, *, author_id: str = ""
) -> None:
    """Keep an answer to a question in the conversation's chat; ``author_id`` is "" for the operator.

    Raises:
        StoreUnavailable: nothing was stored.
    """
    one_line = " ".join(question.split())[:MAX_QUESTION_CHARS]
    async with database.begin() as tx:
        conversation = await conversations.get(tx, conversation_id)
        await canned.save(tx, conversation.key, question=one_line, answer=answer, author_id=author_id)


async def _propose(database: Database, finder: PassageFinder, turn: TurnReport, reply: str) -> GapProposal:
    async with database.read() as tx:
        conversation = await conversations.get(tx, turn.conversation_id)
        own = await rules.load(tx, conversation.key) or ChatRules()
        set_ids = await load_set_ids(tx, conversation.key, own)
        responses = await canned.load(tx, conversation.key)
    found = await finder.find(set_ids, reply, limit=1, floor=SAME_RELEVANCE)
    passage = found[0] if found else None
    is_taken = find_canned_response(turn.question, responses) is not None
    if passage is not None:
        wording = " ".join(turn.question.split())[:MAX_QUESTION_CHARS]
        is_taken = is_taken or wording in passage.entry.all_aliases.splitlines()
    return GapProposal(turn=turn, reply=reply, passage=passage, is_taken=is_taken)
