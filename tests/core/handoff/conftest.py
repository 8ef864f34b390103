"""Handoffs on a real store and work queue, on virtual time.

Events come in through the ingestor, and the outbox shows what each side would get. ``lookup``, ``intake``,
``outbox_writer``, ``customer_notices`` and ``relay`` have no test of their own: they are seen in the tests of
the handlers that use them.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.access import AccessLists, PriceList
from core.chat_settings import ChatSettings
from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.addresses import Person, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.buttons import OptionButton
from core.domain.errors import DownloadRefused
from core.domain.events import Event, MessageReceived
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.domain.message_content import Attachment
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import Outcome
from core.handoff.ai_assist import HandoffAssistant
from core.handoff.assist_notes import AssistNotes
from core.handoff.event_handler import HandoffEventHandler
from core.handoff.handoff_service import HandoffService
from core.handoff.outbox_runner import OutboxRunner
from core.handoff.platforms import HandoffPlatforms
from core.handoff.policy import HandoffPolicies, HandoffPolicy
from core.handoff.sender import HandoffSender
from core.inbound.ingest import Ingestor
from core.kimi import KNOWN_MODELS, Model
from core.llm.text_completer import TextCompleter
from core.llm.usage_meter import UsageMeter
from core.prompting.model_catalog import ModelCatalog
from core.prompting.options_loader import OptionsLoader
from core.prompting.personas import Personas
from core.store import Database, conversations, handoffs, history, inbox, outbox, turns
from core.store.conversations import Conversation
from core.store.handoffs import DeskRoom, Handoff
from core.store.outbox import OutboxItem
from core.testing.fake_handoff_rooms import FakeHandoffRooms
from core.testing.fake_message_channel import FakeMessageChannel
from core.testing.scripted_model import ScriptedModel
from core.work_queue.active_answers import ActiveAnswer, ActiveAnswers
from core.work_queue.embedded import EmbeddedWorkQueue
from tests.event_builders import ANN, START, Chat
from tests.virtual_time import LoopClock

K3 = next(model for model in KNOWN_MODELS.values() if model.id == "kimi-k3")
LIN = Person(id="U1", name="Lin", language="zh")
BO = Person(id="U2", name="Bo", language="en")
DESK = DeskRoom(platform="slack", channel="C9")
POLICY = HandoffPolicy(desk_room=DESK, escalation_contacts=("slack:U7", "telegram:7"))
ACCESS = AccessLists(admins=frozenset({f"slack:{LIN.id}", f"slack:{BO.id}", "telegram:77"}))


def desk_chat() -> Chat:
    """Return the team's desk, a Slack channel."""
    return Chat(platform="slack", tenant="T1", channel=DESK.channel)


@dataclass
class Office:
    """A service's inbound side with a desk. Queues are woken and worked on only if a test says so."""

    database: Database
    clock: LoopClock
    policy: HandoffPolicy = POLICY
    woken: list[QueueKey] = field(default_factory=list)
    active_answers: ActiveAnswers = field(default_factory=ActiveAnswers)

    def __post_init__(self) -> None:
        self.work_queue = EmbeddedWorkQueue(self.database, self.active_answers, self.clock, exclusive=False)
        self.configure()

    def configure(self, **policy: object) -> None:
        """Change the deployment's policy."""
        self.policy = replace(self.policy, **policy)  # type: ignore[arg-type]
        policies = HandoffPolicies(self.policy, ACCESS)
        self.service = HandoffService(policies, now=self.now)
        handler = HandoffEventHandler(self.service)
        self.ingest = Ingestor(self.database, self.work_queue, access=ACCESS, handlers=(handler,))

    def now(self) -> datetime:
        """Return the time of day: Tuesday at ten, and as much later as the loop's clock says."""
        return START + timedelta(seconds=self.clock.time())

    async def start(self) -> None:
        """Start the work queue."""
        await self.work_queue.start(self.process)

    async def process(self, queue_key: QueueKey) -> bool:
        """Record that a queue was woken; its events stay open."""
        self.woken.append(queue_key)
        return False

    # -- looking ---------------------------------------------------------------------------------------

    async def items(self, *, after: int = 0) -> list[OutboxItem]:
        """Return the outbox's items in order, those with an id above ``after``."""
        found: list[OutboxItem] = []
        async with self.database.read() as tx:
            while (item := await outbox.get(tx, after + len(found) + 1)) is not None:
                found.append(item)
        return found

    async def shown(self, side: OutboxSide, *, after: int = 0) -> list[str]:
        """Return what one side gets to see: texts as they are, everything else by its kind."""
        return [
            item.content.text if item.kind is OutboxKind.TEXT else f"<{item.kind.name.lower()}>"
            for item in await self.items(after=after)
            if item.side is side
        ]

    async def buttons(self) -> tuple[OptionButton, ...]:
        """Return the buttons under the last text to the customer."""
        texts = [
            item
            for item in await self.items()
            if item.side is OutboxSide.CUSTOMER and item.kind in (OutboxKind.TEXT, OutboxKind.EDIT)
        ]
        return texts[-1].content.choices

    async def handoff(self) -> Handoff:
        """Return the newest handoff."""
        found, number = None, 1
        async with self.database.read() as tx:
            while (one := await handoffs.get(tx, number)) is not None:
                found, number = one, number + 1
        assert found is not None, "nothing was handed off"
        return found

    async def no_handoff(self) -> bool:
        """Return whether nothing was ever handed off."""
        async with self.database.read() as tx:
            return await handoffs.get(tx, 1) is None

    async def questions(self) -> list[Event]:
        """Return the open events that Kimi would be asked."""
        async with self.database.read() as tx:
            queues = [key for key in await inbox.load_open_queues(tx) if key.lane is Lane.TURNS]
            items = [item for key in queues for item in await inbox.load_open_items(tx, key, limit=100)]
        return [item.event for item in sorted(items, key=lambda item: item.id)]

    async def history(self) -> list[str]:
        """Return the texts of all messages of the newest handoff's conversation."""
        handoff = await self.handoff()
        async with self.database.read() as tx:
            lines = await history.load_recent(
                tx, handoff.conversation_id, after_seq=-1, up_to_seq=10_000, limit=100
            )
        return [line.text for line in lines]

    async def conversation(self, key: ThreadKey) -> Conversation:
        """Return the conversation with a key."""
        async with self.database.read() as tx:
            found = await conversations.find(tx, key)
        assert found is not None
        return found

    # -- acting ----------------------------------------------------------------------------------------

    async def open_ticket(self) -> str:
        """Let the newest handoff's ticket be posted at the desk; return its thread."""
        handoff = await self.handoff()
        thread = f"ticket{handoff.id}"
        ref = MessageRef(channel=DESK.channel, message_id=thread)
        async with self.database.begin() as tx:
            await handoffs.set_desk_thread(tx, handoff.id, thread=thread, ticket=[ref])
        return thread

    async def hand_off(self, chat: Chat, *, customer: Person = ANN) -> tuple[Handoff, str]:
        """Let a customer ask for a person; return the handoff and its thread at the desk."""
        await self.ingest(chat.message("I want to talk to a human", author=customer))
        thread = await self.open_ticket()
        return await self.handoff(), thread

    async def assign(self, thread: str, person: Person = LIN) -> Handoff:
        """Let a person answer in a ticket's thread, which assigns the handoff to them."""
        await self.ingest(desk_chat_message(thread, "Hello, I am here.", person))
        return await self.handoff()

    async def begin_answer(self, conversation: Conversation) -> ActiveAnswer:
        """Let a worker claim the conversation's oldest question and write its answer."""
        async with self.database.begin() as tx:
            (item, *_) = await inbox.load_open_items(tx, QueueKey(conversation.id, Lane.TURNS), limit=1)
            assert isinstance(item.event, MessageReceived)
            await turns.claim(
                tx,
                conversation_id=conversation.id,
                inbox_id=item.id,
                seq=item.id,
                asker_id=item.event.author.id,
            )
        return self.active_answers.register(conversation.id)

    async def answer(self, chat: Chat, text: str = "An answer.", *, thread: str = "") -> str:
        """Let a worker answer a conversation's oldest question; return the id of the message."""
        conversation = await self.conversation(chat.key(thread))
        async with self.database.begin() as tx:
            (item, *_) = await inbox.load_open_items(tx, QueueKey(conversation.id, Lane.TURNS), limit=1)
            turn = await turns.claim(
                tx, conversation_id=conversation.id, inbox_id=item.id, seq=item.id, asker_id=ANN.id
            )
            await turns.save_answer(tx, turn, text=text, outcome=Outcome.COMPLETE)
            await history.save_answer(tx, conversation.id, turn.seq, turn.id, text)
            message_id = f"A{turn.id}"
            ref = MessageRef(channel=conversation.key.channel, message_id=message_id)
            await turns.save_refs(tx, turn, [ref])
            await turns.finish(tx, turn, outcome=Outcome.COMPLETE)
            await inbox.set_status(tx, [item.id], EventStatus.DONE)
            await conversations.save_ref(tx, conversation.key, message_id, conversation.id, turn.id)
        return message_id


def desk_chat_message(thread: str, text: str, author: Person, **more: Any) -> MessageReceived:
    """Return a message in a ticket's thread; ``more`` are other fields of it."""
    _desk_messages[0] += 1
    chat = Chat(platform="slack", tenant="T1", channel=DESK.channel, threaded=True)
    message = chat.message(text, author=author, thread=thread, **more)
    number = f"d{_desk_messages[0]}"
    return replace(message, message_id=number, delivery_id=f"message:{DESK.channel}:{number}")


_desk_messages = [0]


@pytest.fixture
async def office(virtual_database: Database, loop_clock: LoopClock) -> AsyncIterator[Office]:
    """A started inbound side with a desk on Slack."""
    office = Office(virtual_database, loop_clock)
    await office.start()
    yield office
    await office.work_queue.stop(grace_s=0.0)


@dataclass
class Screens(Office):
    """An office whose outbox is sent: customers on Telegram or Slack, a desk on either, Kimi by script."""

    folder: Path = field(kw_only=True)
    model: ScriptedModel = field(default_factory=ScriptedModel)
    notes_wait: bool = False  #: keep Kimi's lane closed

    def __post_init__(self) -> None:
        super().__post_init__()
        self.telegram = FakeMessageChannel(self.clock, per_s=1.0, burst=5.0)
        self.slack = FakeMessageChannel(self.clock, per_s=1.0, burst=5.0)
        self.files: dict[str, bytes] = {}
        self.topics = FakeHandoffRooms(self.telegram, platform="telegram")
        self.platforms = HandoffPlatforms(
            channels={"telegram": self.telegram, "slack": self.slack},
            rooms={
                "telegram": self.topics,
                "slack": FakeHandoffRooms(self.slack, platform="slack", has_topics=False),
            },
            downloaders={"telegram": self, "slack": self},
        )
        self.dispatcher = DeliveryDispatcher(self.clock)
        self.runner = self.new_runner()

    def new_runner(self) -> OutboxRunner:
        """Return the runner of a new process with the same platforms."""
        meter = UsageMeter(PriceList(), self.clock)
        completer = TextCompleter(self.model, self.database, self.clock, meter)
        settings = ChatSettings(model=K3.id, context_tokens=K3.context_tokens, reply_tokens=1_000)
        options = OptionsLoader(
            self.database, ModelCatalog(_no_models, self.clock, fallback=[K3]), Personas(None), settings
        )
        assistant = HandoffAssistant(self.database, completer, options, self.clock)
        return OutboxRunner(
            self.database,
            self.service,
            HandoffSender(self.dispatcher, self.platforms, temp_folder=self.folder),
            AssistNotes(self.database, assistant, self.work_queue, self.clock),
            self.clock,
        )

    async def process(self, queue_key: QueueKey) -> bool:
        """Send what is open; Kimi's lane waits if the test says so."""
        if queue_key.lane is Lane.TURNS or (queue_key.lane is Lane.AI_ASSIST and self.notes_wait):
            return False
        return await self.runner(queue_key)

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Give the bytes of a person's file, as every platform's downloader does."""
        if attachment.name not in self.files:
            raise DownloadRefused("deleted", reason="gone")
        await asyncio.to_thread(path.write_bytes, self.files[attachment.name])

    async def settle(self) -> None:
        """Wait until everything that can be sent is sent."""
        await self.work_queue.wait_idle()

    async def ticket_thread(self) -> str:
        """Return the newest handoff's thread at the desk once its ticket is shown."""
        await self.settle()
        return (await self.handoff()).desk_thread


async def _no_models() -> tuple[Model, ...]:
    return ()


@pytest.fixture
async def screens(
    virtual_database: Database, loop_clock: LoopClock, tmp_path: Path
) -> AsyncIterator[Screens]:
    """A started office that sends to platforms in memory; its desk is on Slack."""
    screens = Screens(virtual_database, loop_clock, folder=tmp_path / "relaying")
    screens.dispatcher.start()
    await screens.start()
    yield screens
    await screens.work_queue.stop(grace_s=0.0)
    await screens.dispatcher.close()
