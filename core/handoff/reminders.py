"""Nobody is forgotten: looks again and again for handovers in which somebody waits too long.

When a handover is due stands in its row, so that a restart goes on where it was. One replica looks at
a time; where two do, the row's own update makes one of them the one that acts.
"""

from typing import Final

import structlog

from core.domain.handoff_state import HandoffAction, HandoffState
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import DueAction, action_due, next_check_at
from core.handoff.platforms import HandoffPlatforms
from core.handoff.policy import HandoffPolicy
from core.handoff.service import HandoffService
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.store import Database, Lane, QueueKey, Transaction, conversations, handoffs, outbox
from core.store.handoffs import NOBODY, Handoff
from core.store.outbox import OutboxSide
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 5.0  #: from one look to the next
MAX_CUSTOMER_NOTICES: Final = 3  #: how often a waiting customer hears that nobody has come yet


class Reminders:
    """A chore."""

    def __init__(
        self,
        database: Database,
        service: HandoffService,
        platforms: HandoffPlatforms,
        work_queue: WorkQueue,
    ) -> None:
        self._database = database
        self._service = service
        self._platforms = platforms
        self._work_queue = work_queue

    def start(self, scheduler: TaskScheduler) -> None:
        """Have it looked for what is due, again and again; before the engine's start."""
        scheduler.schedule(PeriodicTask(name="reminders", every_s=CHECK_EVERY_S, run=self.run_due))

    async def run_due(self) -> None:
        """Do everything that is due now.

        Raises:
            StoreUnavailable: the rest is done at the next look.
        """
        async with self._database.read() as tx:
            waiting = await handoffs.load_due_ids(tx, self._service.now())
        for handover_id in waiting:
            async with self._database.begin() as tx:
                work = await self._process_handoff(tx, handover_id)
                if work is not None:
                    await self._work_queue.enqueue(tx, work)
            if work is not None:
                self._work_queue.wake(work)

    async def _process_handoff(self, tx: Transaction, handoff_id: int) -> QueueKey | None:
        """Do what is due for one handover; None where another replica does, or nothing is."""
        now = self._service.now()
        found = await handoffs.get(tx, handoff_id)
        if found is None:
            return None
        terms = await self._service.load_policy(tx, found.address, ticket_card.ticket_language(found))
        look_at = next_check_at(
            found.state,
            terms.timeouts,
            now=now,
            reminder_count=found.reminder_count + 1,
            customer_waits=found.customer_waiting,
        )
        handover = await handoffs.claim(tx, handoff_id, now=now, until=look_at)
        if handover is None or (terms.away_notice and handover.state is HandoffState.WAITING):
            return None  # nobody is there who could be reminded; the customer was told so
        conversation = await conversations.get(tx, handover.conversation_id)
        name = f"due:{handover.id}:{now.timestamp()}"
        inbox_id = await outbox.add_system_event(tx, conversation, name, Lane.HANDOFF)
        if inbox_id is None:
            return None
        what = action_due(
            handover.state,
            terms.timeouts,
            reminder_count=handover.reminder_count - 1,
            customer_waits=handover.customer_waiting,
        )
        log.info("handoff.action_due", handover=handover.id, what=what)
        await self._perform(tx, handover, what, terms, inbox_id)
        return QueueKey(conversation.id, Lane.HANDOFF)

    async def _perform(
        self,
        tx: Transaction,
        handoff: Handoff,
        due_action: DueAction | None,
        policy: HandoffPolicy,
        inbox_id: int,
    ) -> None:
        language = ticket_card.ticket_language(handoff)
        match due_action:
            case "return" | "close":
                action = HandoffAction.RETURN_TO_BOT if due_action == "return" else HandoffAction.CLOSE
                await self._service.apply_action(tx, handoff, action, NOBODY, inbox_id=inbox_id)
            case "idle_warning":
                told = texts_for_staff.idle_warning_text(
                    language, policy.timeouts.idle_action, self._mention_assignee(handoff)
                )
                await self._notify_desk(tx, handoff, inbox_id, told)
            case "remind_desk" | "remind_people" | "remind_taker":
                waited = self._service.now() - handoff.requested_at
                called = (
                    self._mention_assignee(handoff)
                    if due_action == "remind_taker"
                    else self._mention_contacts(handoff, policy)
                )
                called = "" if due_action == "remind_desk" else called
                told = texts_for_staff.reminder_text(
                    language, handoff.customer.name or handoff.customer.id, waited, called
                )
                await self._notify_desk(tx, handoff, inbox_id, told)
                if handoff.state is HandoffState.WAITING and handoff.reminder_count <= MAX_CUSTOMER_NOTICES:
                    ahead = await handoffs.count_ahead(tx, handoff)
                    words = texts_for_customers.still_waiting_text(
                        language, waiting_ahead=ahead, away_notice=policy.away_notice
                    )
                    await self._service.enqueue_text(tx, handoff, inbox_id, OutboxSide.CUSTOMER, words)
            case _:
                pass

    async def _notify_desk(self, tx: Transaction, handoff: Handoff, inbox_id: int, text: str) -> None:
        if handoff.desk_room.platform:
            await self._service.enqueue_text(tx, handoff, inbox_id, OutboxSide.DESK, text)

    def _mention_assignee(self, handoff: Handoff) -> str:
        return self._platforms.render_mentions(
            handoff.desk_room.platform, [(handoff.assignee.id, handoff.assignee.name or handoff.assignee.id)]
        )

    def _mention_contacts(self, handoff: Handoff, policy: HandoffPolicy) -> str:
        platform = handoff.desk_room.platform
        named = [(person, "") for person in policy.contacts_on(platform)]
        taker = [(handoff.assignee.id, handoff.assignee.name)] if handoff.assignee.id else []
        return self._platforms.render_mentions(platform, [*taker, *named])
