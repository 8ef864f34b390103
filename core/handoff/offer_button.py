"""After an answer: where it did not help, a person is offered or asked for.

It did not help where nothing relevant was known, or where the same question comes again.
"""

import structlog

from core.domain.errors import StoreUnavailable
from core.domain.events import Choice, Said
from core.handoff import texts_for_customers
from core.handoff.request_phrases import same_question
from core.handoff.service import Desk, Wish
from core.store import Database, Lane, Transaction, Work, handoffs, history, outbox
from core.turns.claimer import Taken
from core.work_queue.port import Engine

log = structlog.get_logger(__name__)

LINES_BACK = 8  #: of the conversation in which an earlier question is looked for
ANSWERED = frozenset({"complete", "length"})


class OfferButton:
    """Implements :class:`core.turns.runner.Under`: "Talk to a person", where somebody would come."""

    def __init__(self, database: Database, desk_: Desk) -> None:
        self._database = database
        self._desk = desk_

    async def __call__(self, taken: Taken, outcome: str) -> tuple[Choice, ...]:
        """Return the button."""
        async with self._database.read() as tx:
            terms = await self._desk.terms(tx, taken.address, taken.language)
        key = taken.conversation.key
        if terms.desk is None or (terms.desk.platform, terms.desk.channel) == (key.platform, key.channel):
            return ()
        return (texts_for_customers.offer_button(taken.language),)


class Offers:
    """Implements :class:`core.turns.runner.Afterwards`."""

    def __init__(self, database: Database, desk_: Desk, engine: Engine) -> None:
        self._database = database
        self._desk = desk_
        self._engine = engine

    async def __call__(self, taken: Taken, outcome: str) -> None:
        """Offer a person, once for each question, where its answer cannot have helped."""
        if taken.said is None or not (outcome == "unknown" or outcome in ANSWERED):
            return
        try:
            async with self._database.begin() as tx:
                work = await self._offer(tx, taken, taken.said, outcome)
                if work is not None:
                    await self._engine.enlist(tx, work)
        except StoreUnavailable as exc:
            log.warning("offer_lost", error=str(exc))
            return
        if work is not None:
            self._engine.wake(work)

    async def _offer(self, tx: Transaction, taken: Taken, said: Said, outcome: str) -> Work | None:
        why = "unknown" if outcome == "unknown" else "repeat"
        if why == "repeat" and not await self._repeated(tx, taken, said):
            return None
        conversation = taken.conversation
        terms = await self._desk.terms(tx, taken.address, taken.language)
        if terms.desk is None or await handoffs.active(tx, conversation.id) is not None:
            return None
        if why == "unknown" and terms.unasked == "offer":
            return None  # the answer itself offers one, with a button
        inbox_id = await outbox.ticket(tx, conversation, f"offer:{taken.turn.id}", Lane.DESK)
        if inbox_id is None:
            return None
        wish = Wish(why=why, customer=said.author, language=taken.language, address=taken.address)
        await self._desk.suggest(tx, conversation, wish, terms, inbox_id=inbox_id)
        return Work(conversation.id, Lane.DESK)

    async def _repeated(self, tx: Transaction, taken: Taken, said: Said) -> bool:
        """Return whether the same person asked the same thing shortly before."""
        lines = await history.recent(
            tx,
            taken.conversation.id,
            after_seq=taken.conversation.history_after,
            up_to_seq=taken.turn.inbox_id - 1,
            max_lines=LINES_BACK,
        )
        return any(
            line.role == "user" and line.author_id == said.author.id and same_question(line.text, said.text)
            for line in lines
        )
