"""Nobody is forgotten: looks again and again for handovers in which somebody waits too long.

When a handover is due stands in its row, so that a restart goes on where it was. One replica looks at
a time; where two do, the row's own update makes one of them the one that acts.
"""

from typing import Final

import structlog

from core.domain.handoff_state import Action, State
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import Due, due, next_look
from core.handoff.platforms import Platforms
from core.handoff.policy import DeskTerms
from core.handoff.service import Desk
from core.ports.periodic_tasks import Chore, Schedule
from core.store import Database, Lane, Transaction, Work, conversations, handoffs, outbox
from core.store.handoffs import NOBODY, Handover
from core.work_queue.port import Engine

log = structlog.get_logger(__name__)

LOOK_S: Final = 5.0  #: from one look to the next
TOLD_TIMES: Final = 3  #: how often a waiting customer hears that nobody has come yet


class Reminders:
    """A chore."""

    def __init__(
        self,
        database: Database,
        desk_: Desk,
        platforms: Platforms,
        engine: Engine,
    ) -> None:
        self._database = database
        self._desk = desk_
        self._platforms = platforms
        self._engine = engine

    def start(self, schedule: Schedule) -> None:
        """Have it looked for what is due, again and again; before the engine's start."""
        schedule.schedule(Chore(name="reminders", every_s=LOOK_S, do=self.look))

    async def look(self) -> None:
        """Do everything that is due now.

        Raises:
            StoreUnavailable: the rest is done at the next look.
        """
        async with self._database.read() as tx:
            waiting = await handoffs.due(tx, self._desk.now())
        for handover_id in waiting:
            async with self._database.begin() as tx:
                work = await self._attend(tx, handover_id)
                if work is not None:
                    await self._engine.enlist(tx, work)
            if work is not None:
                self._engine.wake(work)

    async def _attend(self, tx: Transaction, handover_id: int) -> Work | None:
        """Do what is due for one handover; None where another replica does, or nothing is."""
        now = self._desk.now()
        found = await handoffs.get(tx, handover_id)
        if found is None:
            return None
        terms = await self._desk.terms(tx, found.address, ticket_card.language_of_card(found))
        look_at = next_look(
            found.state,
            terms.patience,
            now=now,
            reminded=found.reminded + 1,
            customer_waits=found.customer_waits,
        )
        handover = await handoffs.claim(tx, handover_id, now=now, until=look_at)
        if handover is None or (terms.away and handover.state is State.WAITING):
            return None  # nobody is there who could be reminded; the customer was told so
        conversation = await conversations.get(tx, handover.conversation_id)
        name = f"due:{handover.id}:{now.timestamp()}"
        inbox_id = await outbox.ticket(tx, conversation, name, Lane.DESK)
        if inbox_id is None:
            return None
        what = due(
            handover.state,
            terms.patience,
            reminded=handover.reminded - 1,
            customer_waits=handover.customer_waits,
        )
        log.info("handover_due", handover=handover.id, what=what)
        await self._do(tx, handover, what, terms, inbox_id)
        return Work(conversation.id, Lane.DESK)

    async def _do(
        self, tx: Transaction, handover: Handover, what: Due | None, terms: DeskTerms, inbox_id: int
    ) -> None:
        language = ticket_card.language_of_card(handover)
        match what:
            case "return" | "close":
                action = Action.BACK if what == "return" else Action.CLOSE
                await self._desk.act(tx, handover, action, NOBODY, inbox_id=inbox_id)
            case "idle_warning":
                told = texts_for_staff.idle(language, terms.patience.idle_then, self._taker(handover))
                await self._tell_desk(tx, handover, inbox_id, told)
            case "remind_desk" | "remind_people" | "remind_taker":
                waited = self._desk.now() - handover.asked_at
                called = self._taker(handover) if what == "remind_taker" else self._people(handover, terms)
                called = "" if what == "remind_desk" else called
                told = texts_for_staff.remind(
                    language, handover.customer.name or handover.customer.id, waited, called
                )
                await self._tell_desk(tx, handover, inbox_id, told)
                if handover.state is State.WAITING and handover.reminded <= TOLD_TIMES:
                    ahead = await handoffs.ahead_of(tx, handover)
                    words = texts_for_customers.still_waiting(language, ahead=ahead, away=terms.away)
                    await self._desk.say(tx, handover, inbox_id, "customer", words)
            case _:
                pass

    async def _tell_desk(self, tx: Transaction, handover: Handover, inbox_id: int, told: str) -> None:
        if handover.desk.platform:
            await self._desk.say(tx, handover, inbox_id, "desk", told)

    def _taker(self, handover: Handover) -> str:
        return self._platforms.mentions(
            handover.desk.platform, [(handover.taker.id, handover.taker.name or handover.taker.id)]
        )

    def _people(self, handover: Handover, terms: DeskTerms) -> str:
        platform = handover.desk.platform
        named = [(person, "") for person in terms.named(platform)]
        taker = [(handover.taker.id, handover.taker.name)] if handover.taker.id else []
        return self._platforms.mentions(platform, [*taker, *named])
