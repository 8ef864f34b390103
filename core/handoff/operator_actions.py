"""Actions of people on the console in conversations, with the effects that the chat's own commands have.

Each is one transaction: the right to act, the change, its event and its entry in the audit log are stored
together or not at all.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias
from uuid import uuid4

import structlog

from core.domain.addresses import Address, Person
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived, MessageReceived
from core.domain.handoff_state import HandoffAction, HandoffReason
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.handoff.handoff_service import HandoffRequest, HandoffResult, HandoffService
from core.handoff.intake import enqueued, store_event
from core.handoff.lookup import customer_language
from core.handoff.staff_relay import StaffRelay
from core.inbound.handler import Handled
from core.store import Database, Transaction, authors, console_access, conversations, handoffs, inbox, turns
from core.store.clock import utc_now
from core.store.conversation_scope import ConversationScope
from core.store.conversations import Conversation
from core.store.handoffs import Handoff
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)

MAX_REPLY_CHARS = 8_000


class ActionResult(StrEnum):
    """What came of an action."""

    DONE = "done"
    NOT_FOUND = "not_found"  #: there is no such conversation, or the person may not change it
    NOTHING_RUNNING = "nothing_running"  #: no answer is being written
    NOTHING_ASKED = "nothing_asked"  #: there is no question to answer again
    WITH_STAFF = "with_staff"  #: a person has the conversation, so the bot does not answer
    NO_HANDOFF = "no_handoff"  #: nobody has the conversation, or it has ended meanwhile
    EMPTY = "empty"  #: there is no text to send


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person on the console."""

    person: str  #: "platform:id"
    scope: ConversationScope  #: conversations that they may change

    @property
    def person_id(self) -> str:
        """The id on the platform; the whole name for somebody who is on none."""
        platform, _, person_id = self.person.partition(":")
        return person_id if platform in ("slack", "telegram") else self.person


class _Unchanged(Exception):
    """Raised within the transaction of an action that changes nothing, which is rolled back."""

    def __init__(self, result: ActionResult) -> None:
        super().__init__(result)
        self.result = result


Work: TypeAlias = Callable[[Transaction, Conversation], Awaitable[Handled]]


class OperatorActions:
    """Stops, repeats and takes over conversations for people on the console."""

    def __init__(self, database: Database, work_queue: WorkQueue, service: HandoffService) -> None:
        self._database = database
        self._work_queue = work_queue
        self._service = service
        self._staff_relay = StaffRelay(service)

    async def stop(self, conversation_id: int, operator: Operator) -> ActionResult:
        """Stop the answer that is being written, as ``/stop`` does."""

        async def work(tx: Transaction, conversation: Conversation) -> Handled:
            if await turns.request_cancel(tx, conversation.id, CancelReason.STOP) is None:
                raise _Unchanged(ActionResult.NOTHING_RUNNING)
            return Handled(queue_key=QueueKey(conversation.id, Lane.TURNS), cancel_reason=CancelReason.STOP)

        return await self._act(conversation_id, operator, "conversation.stop", work, wakes=False)

    async def retry(self, conversation_id: int, operator: Operator) -> ActionResult:
        """Answer the latest question again in the messages of its answer, as ``/retry`` of its asker does."""

        async def work(tx: Transaction, conversation: Conversation) -> Handled:
            if await handoffs.get_active(tx, conversation.id) is not None:
                raise _Unchanged(ActionResult.WITH_STAFF)
            asked = await _latest_question(tx, conversation)
            if asked is None:
                raise _Unchanged(ActionResult.NOTHING_ASKED)
            asker, address = asked
            running = await turns.request_cancel(tx, conversation.id, CancelReason.RETRY)
            event = _command(CommandName.RETRY, conversation, asker, address)
            await inbox.add(
                tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=EventStatus.OPEN
            )
            return Handled(
                queue_key=QueueKey(conversation.id, Lane.TURNS),
                cancel_reason=CancelReason.RETRY if running is not None else None,
            )

        return await self._act(conversation_id, operator, "conversation.retry", work)

    async def take(
        self, conversation_id: int, operator: Operator, *, assignee: Person | None = None
    ) -> ActionResult:
        """Take a conversation over, or assign it to somebody else, as ``/take`` does."""

        async def work(tx: Transaction, conversation: Conversation) -> Handled:
            person = assignee or await self._person_of(tx, operator)
            inbox_id, handoff = await self._store(tx, conversation, CommandName.TAKE, person)
            if handoff is None:
                return enqueued(conversation.id, await self._start(tx, conversation, person, inbox_id))
            result = await self._service.apply_action(
                tx, handoff, HandoffAction.ASSIGN, person, inbox_id=inbox_id
            )
            return enqueued(conversation.id, result)

        return await self._act(conversation_id, operator, "conversation.take", work)

    async def end(self, conversation_id: int, operator: Operator, action: HandoffAction) -> ActionResult:
        """Return a conversation to the bot or close it, as ``/back`` and ``/close`` do."""
        name = CommandName.CLOSE if action is HandoffAction.CLOSE else CommandName.BACK

        async def work(tx: Transaction, conversation: Conversation) -> Handled:
            person = await self._person_of(tx, operator)
            inbox_id, handoff = await self._store(tx, conversation, name, person)
            if handoff is None:
                raise _Unchanged(ActionResult.NO_HANDOFF)
            result = await self._service.apply_action(tx, handoff, action, person, inbox_id=inbox_id)
            return enqueued(conversation.id, result)

        return await self._act(conversation_id, operator, f"conversation.{name}", work)

    async def answer(self, conversation_id: int, operator: Operator, text: str) -> ActionResult:
        """Send a text to the customer as a member of the team; who answers takes the conversation over."""
        text = text.strip()[:MAX_REPLY_CHARS]
        if not text:
            return ActionResult.EMPTY

        async def work(tx: Transaction, conversation: Conversation) -> Handled:
            person = await self._person_of(tx, operator)
            inbox_id, handoff = await self._store(tx, conversation, CommandName.TAKE, person)
            started: HandoffResult | None = None
            if handoff is None:
                started = await self._start(tx, conversation, person, inbox_id)
                handoff = started.handoff
            await self._staff_relay.send_draft(tx, handoff, person, text, inbox_id)
            return enqueued(conversation.id, started)

        return await self._act(conversation_id, operator, "conversation.answer", work)

    async def _act(
        self, conversation_id: int, operator: Operator, action: str, work: Work, *, wakes: bool = True
    ) -> ActionResult:
        """Run ``work`` in one transaction with its audit entry, then wake and cancel as it says."""
        wake_up: Callable[[], None] | None = None
        try:
            async with self._database.begin() as tx:
                conversation = await conversations.find_in_scope(tx, conversation_id, operator.scope)
                if conversation is None:
                    return ActionResult.NOT_FOUND
                handled = await work(tx, conversation)
                await console_access.record(tx, operator.person, action, str(conversation_id))
                if wakes and handled.queue_key is not None:
                    wake_up = await self._work_queue.enqueue(tx, handled.queue_key)
        except _Unchanged as unchanged:
            return unchanged.result
        if handled.cancel_reason is not None:
            self._work_queue.cancel(conversation_id, handled.cancel_reason)
        if wake_up is not None:
            wake_up()
        log.info("console.acted", action=action, conversation=conversation_id)
        return ActionResult.DONE

    async def _person_of(self, tx: Transaction, operator: Operator) -> Person:
        """Return an operator with the name by which the chats know them."""
        platform, _, own_id = operator.person.partition(":")
        name = await authors.find_name(tx, platform, own_id)
        return Person(id=operator.person_id, name=name or own_id)

    async def _store(
        self, tx: Transaction, conversation: Conversation, name: CommandName, person: Person
    ) -> tuple[int, Handoff | None]:
        """Store the event of an action; return its inbox id and the conversation's active handoff."""
        handoff = await handoffs.get_active(tx, conversation.id)
        address = handoff.address if handoff is not None else await _address_of(tx, conversation)
        inbox_id = await store_event(tx, _command(name, conversation, person, address), conversation.id)
        return inbox_id, handoff

    async def _start(
        self, tx: Transaction, conversation: Conversation, person: Person, inbox_id: int
    ) -> HandoffResult:
        asked = await _latest_question(tx, conversation)
        customer, address = asked or (Person(id=""), await _address_of(tx, conversation))
        request = HandoffRequest(
            reason=HandoffReason.STAFF,
            customer=customer,
            language=await customer_language(tx, conversation, customer),
            address=address,
        )
        return await self._service.assign(tx, conversation, request, person, inbox_id=inbox_id)


async def _latest_question(tx: Transaction, conversation: Conversation) -> tuple[Person, Address] | None:
    """Return who asked the latest question of a conversation, and where; None if nobody did."""
    latest = await turns.get_latest(tx, conversation.id)
    event = None if latest is None else await inbox.get_event(tx, latest.seq)
    return (event.author, event.address) if isinstance(event, MessageReceived) else None


async def _address_of(tx: Transaction, conversation: Conversation) -> Address:
    """Return where a conversation is answered, by its latest question.

    Raises:
        _Unchanged: nobody has asked anything in it.
    """
    asked = await _latest_question(tx, conversation)
    if asked is None:
        raise _Unchanged(ActionResult.NOTHING_ASKED)
    return replace(asked[1], reply_to="")


def _command(
    name: CommandName, conversation: Conversation, author: Person, address: Address
) -> CommandReceived:
    return CommandReceived(
        delivery_id=f"console:{uuid4().hex}",
        message_id="",
        address=address,
        author=author,
        command=name,
        argument="",
        sent_at=utc_now(),
        chat_type=conversation.chat_type,
    )
