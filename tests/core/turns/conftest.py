"""A turn runner over a real store, a fake platform and a scripted model, on virtual time.

``claimed_turn`` and ``escalation`` hold a type each, without logic. ``telemetry`` is covered by
``test_runner`` (what operators are told of a turn) and by ``tests/bots/observability`` (figures).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.access import AccessLists, Quotas
from core.access.closed_places import ClosedPlaces
from core.answering.turn_question import NoKnowledgeReply
from core.chat_policy import ChatRules
from core.commands import CommandDispatcher, CommandHandler
from core.domain.addresses import Address
from core.domain.buttons import Button, OptionButton
from core.domain.command_names import CommandName
from core.domain.errors import PlatformForbidden
from core.domain.events import ButtonPressed, CommandReceived, MemberJoined, MessageEdited, MessageReceived
from core.domain.message_content import MessageContent, MessageRole
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import TurnOutcome, TurnState
from core.observer import Observer, TurnRecord
from core.store import conversations, inbox, rules, turns
from core.store.history import HistoryMessage, append
from core.store.inbox import InboxItem
from core.testing.fake_message_channel import FakeMessageChannel
from core.testing.fake_screen import FakeMessage
from core.testing.scripted_model import ScriptedReply
from core.turns.answer_producer import AnswerProducer
from core.turns.backfill import ThreadBackfill
from core.turns.claimed_turn import ClaimedTurn
from core.turns.claimer import ClassifyIntent, TurnClaimer
from core.turns.event_claimer import EventClaimer
from core.turns.predefined_answers import PredefinedAnswer
from core.turns.private_notices import PrivateNotices
from core.turns.quota import QuotaCheck
from core.turns.runner import TurnRunner
from core.turns.telemetry import TurnDetails, TurnTracker
from core.turns.turn_delivery import TurnDeliveries
from core.work_queue.active_answers import ActiveAnswers
from tests.core.answering.conftest import Answering, answering
from tests.event_builders import Chat
from tests.stored_conversation import StoredConversation

__all__ = ["answering"]

PLATFORM = "telegram"  #: of the chat that the tests write in
TENANT = "bot"  #: of that chat

OpenEvent = MessageReceived | CommandReceived | ButtonPressed | MessageEdited | MemberJoined


class RecordingObserver(Observer):
    """Records what it is told of turns."""

    def __init__(self) -> None:
        self.finished: list[TurnRecord] = []
        self.attempts: list[int] = []
        self.lost_leases = 0

    def turn_started(self, *, platform: str, waited_s: float, attempt: int) -> None:
        """Record the attempt."""
        self.attempts.append(attempt)

    def turn_finished(self, turn: TurnRecord) -> None:
        """Record the turn."""
        self.finished.append(turn)

    def turn_lease_lost(self) -> None:
        """Count it."""
        self.lost_leases += 1


@dataclass
class FakeEscalation:
    """An :class:`core.turns.escalation.Escalation` that offers what a test sets."""

    offered: tuple[str, tuple[OptionButton, ...]] = ("", ())
    below: tuple[OptionButton, ...] = ()
    escalated: list[TurnOutcome] = field(default_factory=list)

    async def offer(self, claimed: ClaimedTurn) -> tuple[str, tuple[OptionButton, ...]]:
        """Return the offer."""
        return self.offered

    def buttons(self, claimed: ClaimedTurn) -> tuple[OptionButton, ...]:
        """Return the buttons."""
        return self.below

    async def escalate(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> None:
        """Record the outcome."""
        self.escalated.append(outcome)


async def _admission(_: ClaimedTurn) -> NoKnowledgeReply:
    """Return the bot's words if Kimi says that the passages do not answer."""
    return NoKnowledgeReply(text="I do not know.")


@dataclass
class FakePrivateMessages:
    """A :class:`core.ports.private_messages.PrivateMessages` that keeps what it shows, or refuses."""

    shown: list[tuple[str, str]] = field(default_factory=list)  #: person and text
    refuses: bool = False

    async def send_private(self, address: Address, person_id: str, text: str) -> None:
        """Keep the text."""
        if self.refuses:
            raise PlatformForbidden("the person never wrote to the bot")
        self.shown.append((person_id, text))


@dataclass
class Turns:
    """Everything that works on the turns of one conversation."""

    answering: Answering
    active_answers: ActiveAnswers = field(default_factory=ActiveAnswers)
    escalation: FakeEscalation = field(default_factory=FakeEscalation)
    observer: RecordingObserver = field(default_factory=RecordingObserver)
    private_messages: FakePrivateMessages = field(default_factory=FakePrivateMessages)
    closed_places: ClosedPlaces = field(init=False)
    claimer: TurnClaimer = field(init=False)
    runner: TurnRunner = field(init=False)

    def build(
        self,
        *replies: ScriptedReply,
        commands: Mapping[CommandName, CommandHandler] | None = None,
        quotas: Quotas | None = None,
        predefined_answers: Sequence[PredefinedAnswer] = (),
        classify_intent: ClassifyIntent | None = None,
        backfill: Any = None,
        merge_waiting: bool = False,
        show_buttons: bool = True,
        platforms: Sequence[str] = (PLATFORM,),
        tenants: Sequence[str] = (TENANT,),
        details: TurnDetails | None = None,
    ) -> "Turns":
        """Make the runner; the model plays ``replies``."""
        database, clock = self.database, self.answering.clock
        self.answering.build(*replies)
        access = AccessLists()
        self.closed_places = ClosedPlaces(clock)
        self.claimer = TurnClaimer(
            database,
            clock,
            EventClaimer(access, QuotaCheck(access, quotas or Quotas())),
            serves=lambda key: key.platform in platforms and key.tenant in tenants,
            merge_waiting=merge_waiting,
            classify_intent=classify_intent,
        )
        producer = AnswerProducer(
            database,
            CommandDispatcher(commands or {}),
            self.answering.answerer,
            ThreadBackfill(database, {PLATFORM: backfill} if backfill else {}, max_messages=10),
            _admission,
            predefined_answers=predefined_answers,
        )
        deliveries = TurnDeliveries(
            database,
            self.answering.dispatcher,
            clock,
            self.escalation,
            channels={PLATFORM: self.platform},
            show_buttons=show_buttons,
        )
        self.runner = TurnRunner(
            database,
            self.claimer,
            producer,
            deliveries,
            self.active_answers,
            self.escalation,
            TurnTracker(self.observer, clock, details),
            self.closed_places,
            PrivateNotices({PLATFORM: self.private_messages}, self.closed_places, clock),
        )
        return self

    @property
    def database(self) -> Any:
        """The store."""
        return self.answering.conversation.database

    @property
    def chat(self) -> Any:
        """The chat that people write in."""
        return self.answering.conversation.chat

    @property
    def platform(self) -> FakeMessageChannel:
        """The fake platform."""
        return self.answering.platform

    @property
    def queue_key(self) -> QueueKey:
        """The key of the conversation's turns."""
        return QueueKey(self.answering.conversation.conversation.id, Lane.TURNS)

    @property
    def last_message(self) -> FakeMessage:
        """The newest message on the screen."""
        return list(self.platform.screen.messages.values())[-1]

    @property
    def buttons(self) -> list[Button]:
        """The buttons of the newest message."""
        return list(self.last_message.buttons)

    async def receive(self, *events: OpenEvent, lane: Lane = Lane.TURNS) -> list[int]:
        """Store events as the inbound side does; return their ids."""
        conversation = self.answering.conversation.conversation
        ids = []
        for event in events:
            async with self.database.begin() as tx:
                seq = await inbox.add(
                    tx, event, conversation_id=conversation.id, lane=lane, status=EventStatus.OPEN
                )
                ids.append(seq)
                if isinstance(event, MessageReceived):
                    message = HistoryMessage(
                        seq=seq,
                        role=MessageRole.USER,
                        author_id=event.author.id,
                        author=event.author.name,
                        content=MessageContent(text=event.text),
                    )
                    await append(tx, message, conversation_id=conversation.id, message_id=event.message_id)
        return ids

    async def run(self, lane: Lane = Lane.TURNS) -> bool:
        """Process the oldest open turn; return whether there was one."""
        before = await self.open_items(lane)
        await self.runner(QueueKey(self.queue_key.conversation_id, lane))
        return len(await self.open_items(lane)) < len(before)

    async def run_all(self) -> list[TurnOutcome]:
        """Process every open turn; return how those of this run ended."""
        before = len(self.observer.finished)
        while await self.run():
            pass
        return [record.outcome for record in self.observer.finished[before:]]

    async def open_items(self, lane: Lane = Lane.TURNS) -> list[InboxItem]:
        """Return the open events."""
        async with self.database.read() as tx:
            key = QueueKey(self.queue_key.conversation_id, lane)
            return list(await inbox.load_open_items(tx, key, limit=100))

    async def state(self, inbox_id: int) -> TurnState | None:
        """Return the state of an event's turn; None if it has none."""
        async with self.database.read() as tx:
            return await turns.get_state(tx, inbox_id)

    async def set_rules(self, chat_rules: ChatRules) -> None:
        """Give the chat rules."""
        async with self.database.begin() as tx:
            await rules.save(
                tx,
                chat_rules,
                platform=PLATFORM,
                tenant=self.chat.tenant,
                channel=self.chat.channel,
                changed_by="",
            )

    async def turn_of(self, message_id: str) -> int | None:
        """Return the turn that a message on the screen belongs to; None if it is unknown."""
        async with self.database.read() as tx:
            return await conversations.find_turn_id(tx, self.chat.key(), message_id)

    async def move_to(self, chat: Chat) -> "Turns":
        """Work on a conversation of another chat from now on."""
        self.answering.conversation = await StoredConversation(self.database, chat).create()
        return self


@pytest.fixture
def turning(answering: Answering) -> Turns:
    """The turns of an empty conversation, not built yet."""
    return Turns(answering)
