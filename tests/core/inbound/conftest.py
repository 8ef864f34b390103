"""An ingestor on a real store and work queue, on virtual time; no platform, no Kimi."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.domain.bot_messages import MessageRef
from core.domain.buttons import OptionAction, OptionButton
from core.domain.events import CommandReceived, Event, MessageReceived
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import Outcome, TurnOutcome
from core.inbound.ingest import Ingestor
from core.store import Database, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.turns import Turn
from core.work_queue.active_answers import ActiveAnswer, ActiveAnswers
from core.work_queue.embedded import EmbeddedWorkQueue
from tests.event_builders import Chat
from tests.virtual_time import LoopClock


@dataclass
class Inbound:
    """The inbound side of a service. Queues are woken and nothing is worked on: open events stay open."""

    database: Database
    clock: LoopClock
    active_answers: ActiveAnswers = field(default_factory=ActiveAnswers)
    woken: list[QueueKey] = field(default_factory=list)
    work_queue: EmbeddedWorkQueue = field(init=False)
    ingest: Ingestor = field(init=False)

    def __post_init__(self) -> None:
        self.work_queue = EmbeddedWorkQueue(self.database, self.active_answers, self.clock, exclusive=False)
        self.configure()

    def configure(self, **options: Any) -> None:
        """Build the ingestor anew, with other options."""
        self.ingest = Ingestor(self.database, self.work_queue, **options)

    async def start(self) -> None:
        """Start the work queue."""

        async def record(queue_key: QueueKey) -> None:
            self.woken.append(queue_key)

        await self.work_queue.start(record)

    async def open_events(self, lane: Lane = Lane.TURNS) -> list[Event]:
        """Return the open events of a lane, over all conversations, oldest first."""
        async with self.database.read() as tx:
            queues = [key for key in await inbox.load_open_queues(tx) if key.lane is lane]
            items = [item for key in queues for item in await inbox.load_open_items(tx, key, limit=100)]
        return [item.event for item in sorted(items, key=lambda item: item.id)]

    async def open_texts(self) -> list[str]:
        """Return the texts of the questions that wait for an answer."""
        return [event.text for event in await self.open_events() if isinstance(event, MessageReceived)]

    async def conversation(self, chat: Chat, thread: str = "") -> Conversation | None:
        """Return the conversation with a chat's key."""
        async with self.database.read() as tx:
            return await conversations.find(tx, chat.key(thread))

    async def history(self, conversation: Conversation) -> list[HistoryMessage]:
        """Return a conversation's history."""
        async with self.database.read() as tx:
            return list(
                await history.load_recent(tx, conversation.id, after_seq=-1, up_to_seq=10_000, limit=100)
            )

    async def begin_answer(self, conversation: Conversation) -> tuple[Turn, ActiveAnswer]:
        """Let a worker claim the conversation's oldest question and write its answer."""
        queue_key = QueueKey(conversation.id, Lane.TURNS)
        async with self.database.begin() as tx:
            (item, *_) = await inbox.load_open_items(tx, queue_key, limit=1)
            assert isinstance(item.event, MessageReceived)
            turn = await turns.claim(
                tx,
                conversation_id=conversation.id,
                inbox_id=item.id,
                seq=item.id,
                asker_id=item.event.author.id,
            )
        return turn, self.active_answers.register(conversation.id)

    async def answer(
        self, conversation: Conversation, text: str, *, outcome: TurnOutcome = Outcome.COMPLETE
    ) -> Turn:
        """Let a worker answer the conversation's oldest question; the message's id is "A" and the turn's."""
        turn, answer = await self.begin_answer(conversation)
        async with self.database.begin() as tx:
            await turns.save_answer(tx, turn, text=text, outcome=outcome)
            await history.save_answer(tx, conversation.id, turn.seq, turn.id, text)
            ref = MessageRef(channel=conversation.key.channel, message_id=f"A{turn.id}")
            await turns.save_refs(tx, turn, [ref])
            await turns.finish(tx, turn, outcome=outcome)
            await inbox.set_status(tx, [turn.inbox_id], EventStatus.DONE)
            key = conversation.key
            await conversations.save_ref(tx, key, f"A{turn.id}", conversation.id, turn.id)
        self.active_answers.remove(conversation.id, answer)
        return turn

    async def show_menu(self, command: CommandReceived, message_id: str, *options: OptionAction) -> None:
        """Let a worker reply to a command with a message that offers options."""
        assert await self.ingest(command)
        key = command.address.key
        async with self.database.begin() as tx:
            conversation = await conversations.get_or_create(tx, key, command.chat_type)
            (item, *_) = await inbox.load_open_items(tx, QueueKey(conversation.id, Lane.COMMANDS), limit=1)
            turn = await turns.claim(
                tx,
                conversation_id=conversation.id,
                inbox_id=item.id,
                seq=item.id,
                asker_id=command.author.id,
                notice=True,
            )
            buttons = [OptionButton(label="An option", action=action) for action in options]
            await turns.save_answer(tx, turn, text="Choose.", outcome=Outcome.NOTICE, options=buttons)
            await turns.save_refs(tx, turn, [MessageRef(channel=key.channel, message_id=message_id)])
            await turns.finish(tx, turn, outcome=Outcome.NOTICE)
            await inbox.set_status(tx, [item.id], EventStatus.DONE)
            await conversations.save_ref(tx, key, message_id, conversation.id, turn.id)


@pytest.fixture
async def inbound(virtual_database: Database, loop_clock: LoopClock) -> AsyncIterator[Inbound]:
    """A started inbound side without handlers and rules."""
    side = Inbound(virtual_database, loop_clock)
    await side.start()
    yield side
    await side.work_queue.stop(grace_s=0.0)
