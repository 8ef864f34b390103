"""Reminders of handoffs in which somebody waits too long, and the end of idle ones.

A handoff's next check is stored in its row, so a restart does not lose it. Two replicas may check at the same
time; the row's conditional update lets one of them act.
"""

from datetime import timedelta
from typing import Final, assert_never

import structlog

from core.domain.handoff_state import HandoffState
from core.domain.queue import Lane, QueueKey
from core.handoff import texts_for_customers, texts_for_staff
from core.handoff.deadlines import DueAction, due_action
from core.handoff.handoff_service import HandoffService
from core.handoff.languages import language_for_customer, ticket_language
from core.handoff.outbox_writer import notify_customer, notify_desk
from core.handoff.platforms import HandoffPlatforms
from core.handoff.policy import HandoffPolicy
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.store import Database, Transaction, conversations, due_handoffs, handoffs, outbox
from core.store.handoffs import NOBODY, Handoff
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 5.0
CHECK_WHILE_CLOSED: Final = timedelta(days=1)  #: if the hours do not say when the team is back
MAX_CUSTOMER_NOTICES: Final = 3  #: notices to a waiting customer that nobody has taken their handoff yet


class Reminders:
    """Periodic task that acts on due handoffs."""

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
        """Schedule the checks; call it before the scheduler starts."""
        scheduler.schedule(PeriodicTask(name="reminders", every_s=CHECK_EVERY_S, run=self.run_due))

    async def run_due(self) -> None:
        """Act on all handoffs that are due now.

        Raises:
            StoreUnavailable: the next check acts on the rest.
        """
        async with self._database.read() as tx:
            due_ids = await due_handoffs.load_ids(tx, self._service.now())
        for handoff_id in due_ids:
            wake_up = None
            async with self._database.begin() as tx:
                queue_key = await self._check(tx, handoff_id)
                if queue_key is not None:
                    wake_up = await self._work_queue.enqueue(tx, queue_key)
            if wake_up is not None:
                wake_up()

    async def _check(self, tx: Transaction, handoff_id: int) -> QueueKey | None:
        """Act on one due handoff; None if there is nothing to send or another replica acts on it."""
        now = self._service.now()
        found = await handoffs.get(tx, handoff_id)
        if found is None:
            return None
        conversation = await conversations.get(tx, found.conversation_id)
        if not self._platforms.serves(conversation.key):
            return None  # another team's or bot's: its own process reminds
        policy = await self._service.policy_of(tx, found)
        waits = found.state is HandoffState.WAITING or found.customer_waiting
        if waits and policy.away_notice:
            # Nobody is there to be reminded, and the customer was told: this check does not count.
            await due_handoffs.set_due_at(tx, handoff_id, policy.opens_at or now + CHECK_WHILE_CLOSED)
            return None
        next_check = self._service.due_at(
            found.state,
            policy,
            customer_waits=found.customer_waiting,
            reminder_count=found.reminder_count + 1,
        )
        handoff = await due_handoffs.claim(tx, handoff_id, now=now, until=next_check)
        if handoff is None:
            return None
        name = f"due:{handoff.id}:{now.timestamp()}"
        inbox_id = await outbox.add_system_event(tx, conversation, name, Lane.HANDOFF)
        action = due_action(
            handoff.state,
            reminder_count=handoff.reminder_count - 1,
            customer_waits=handoff.customer_waiting,
        )
        if inbox_id is None or action is None:
            return None
        log.info("handoff.action_due", handoff=handoff.id, action=action.value)
        await self._perform(tx, handoff, action, policy, inbox_id)
        return QueueKey(conversation.id, Lane.HANDOFF)

    async def _perform(
        self, tx: Transaction, handoff: Handoff, action: DueAction, policy: HandoffPolicy, inbox_id: int
    ) -> None:
        match action:
            case DueAction.END_IDLE:
                await self._service.apply_action(
                    tx, handoff, policy.timeouts.idle_action, NOBODY, inbox_id=inbox_id
                )
            case DueAction.WARN_IDLE:
                text = texts_for_staff.idle_warning_text(
                    ticket_language(handoff), policy.timeouts.idle_action, self._mention_assignee(handoff)
                )
                await notify_desk(tx, handoff, inbox_id, text)
            case DueAction.REMIND_DESK:
                await self._remind(tx, handoff, policy, inbox_id, mentions="")
            case DueAction.REMIND_ASSIGNEE:
                await self._remind(tx, handoff, policy, inbox_id, mentions=self._mention_assignee(handoff))
            case DueAction.REMIND_CONTACTS:
                mentions = self._mention_contacts(handoff, policy)
                await self._remind(tx, handoff, policy, inbox_id, mentions=mentions)
            case _:
                assert_never(action)

    async def _remind(
        self, tx: Transaction, handoff: Handoff, policy: HandoffPolicy, inbox_id: int, *, mentions: str
    ) -> None:
        """Remind the desk of a waiting customer, and tell the customer the first few times."""
        customer = handoff.customer.name_or_id
        waited = self._service.now() - handoff.requested_at
        waiting = handoff.state is HandoffState.WAITING
        if waiting and handoff.reminder_count <= MAX_CUSTOMER_NOTICES:
            text = texts_for_customers.still_waiting_text(
                language_for_customer(handoff),
                waiting_ahead=await due_handoffs.count_ahead(tx, handoff),
                away_notice=policy.away_notice,
            )
            await notify_customer(tx, handoff, inbox_id, text)
        text = texts_for_staff.reminder_text(ticket_language(handoff), customer, waited, mentions)
        await notify_desk(tx, handoff, inbox_id, text)

    def _mention_assignee(self, handoff: Handoff) -> str:
        assignee = handoff.assignee
        return self._platforms.render_mentions(
            handoff.desk_room.platform, [(assignee.id, assignee.name_or_id)]
        )

    def _mention_contacts(self, handoff: Handoff, policy: HandoffPolicy) -> str:
        platform = handoff.desk_room.platform
        contacts = [(person_id, "") for person_id in policy.contacts_on(platform)]
        return self._platforms.render_mentions(
            platform, [(handoff.assignee.id, handoff.assignee.name), *contacts]
        )
