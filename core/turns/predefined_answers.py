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

from core.commands import OrderReply
from core.domain.events import Choice, CommandName, Control, Ordered, Pressed
from core.knowledge.asked import asked_in, is_small_talk
from core.knowledge.ready import CANNED, UNKNOWN, marked, ready_answer
from core.knowledge.retrieval import MOST_LINES, Knowledge
from core.store import Database, canned, history
from core.text.language import Language, pick
from core.turns.claimer import Taken

Offer: TypeAlias = Callable[[Taken], Awaitable[tuple[str, tuple[Choice, ...]]]]
"""How a chat offers a person: a sentence, and buttons below it; ("", ()) where nobody would come."""


class SaysItDoesNotKnow:
    """Own words of a strict chat that knows nothing on a question. Its outcome is "unknown"."""

    def __init__(self, knowledge: Knowledge, *, offer: Offer | None = None) -> None:
        self._knowledge = knowledge
        self._offer = offer

    async def __call__(self, taken: Taken) -> OrderReply | None:
        """Return the words; None where something is known, or nothing was asked that could be."""
        known = await self._knowledge.consult(taken.conversation, taken.turn, taken.background)
        if not known.strict or known.found or is_small_talk(known.asked.question):
            return None
        words, choices = await self._offer(taken) if self._offer is not None else ("", ())
        text = does_not_know(taken.language)
        return OrderReply(text=f"{text}{words}".rstrip(), choices=choices, outcome=UNKNOWN)


class SaysItAgain:
    """Own words for a question that has a ready answer. Its outcome is "canned"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, taken: Taken) -> OrderReply | None:
        """Return the ready answer, marked as one; None where there is none, or another is wanted."""
        if not taken.background.canned or _wants_another(taken):
            return None
        conversation, turn = taken.conversation, taken.turn
        async with self._database.read() as tx:
            ready = await canned.of(tx, conversation.key)
            if not ready:
                return None
            lines = await history.recent(
                tx,
                conversation.id,
                after_seq=conversation.history_after,
                up_to_seq=turn.seq,
                max_lines=MOST_LINES,
            )
        asked = asked_in(lines, question_seq=min(turn.seq, turn.inbox_id))
        found = await asyncio.to_thread(ready_answer, asked.question, ready)
        if found is None:
            return None
        return OrderReply(text=marked(found.answer, taken.language), outcome=CANNED)


def does_not_know(language: Language) -> str:
    """Return how the bot says that a team's texts do not answer a question."""
    return pick(
        language,
        zh="我在现有的资料里没有找到这个问题的答案，不想乱猜。",
        en="I found nothing on this in what I was given, and I would rather not guess. ",
    )


def _wants_another(taken: Taken) -> bool:
    """Tell whether the person asked for another answer than the one they got, or for more of it."""
    match taken.event:
        case Ordered(command=CommandName.RETRY) | Pressed(control=Control.RETRY | Control.CONTINUE):
            return True
        case _:
            return False
