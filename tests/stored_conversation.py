"""A conversation in a test's database that people and the bot write into."""

from dataclasses import dataclass, field

from core.domain.addresses import ChatType, Person
from core.domain.command_names import CommandName
from core.domain.message_content import MessageContent, MessageRole
from core.domain.queue import EventStatus, Lane
from core.domain.turn_states import Outcome
from core.store import Database, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.turns import Turn
from tests.event_builders import ANN, Chat


@dataclass
class StoredConversation:
    """One conversation; every message gets a sequence number of its own, as in the service."""

    database: Database
    chat: Chat = field(default_factory=Chat)
    conversation: Conversation = field(init=False)

    async def create(self) -> "StoredConversation":
        """Store the empty conversation."""
        async with self.database.begin() as tx:
            self.conversation = await conversations.get_or_create(tx, self.chat.key(), self.chat.chat_type)
        return self

    async def reload(self) -> Conversation:
        """Return the conversation as it is stored now."""
        async with self.database.read() as tx:
            self.conversation = await conversations.get(tx, self.conversation.id)
        return self.conversation

    async def say(self, text: str, author: Person = ANN) -> int:
        """Store what a person says; return its sequence number."""
        async with self.database.begin() as tx:
            seq = await inbox.add(
                tx,
                self.chat.message(text, author=author),
                conversation_id=self.conversation.id,
                lane=Lane.TURNS,
                status=EventStatus.OPEN,
            )
            message = HistoryMessage(
                seq=seq,
                role=MessageRole.USER,
                author_id=author.id,
                author=author.name,
                content=MessageContent(text=text),
            )
            await history.append(tx, message, conversation_id=self.conversation.id)
        return seq

    async def ask(self, text: str, author: Person = ANN, *, attempt: int = 1) -> Turn:
        """Store a question and claim its turn, ``attempt`` times."""
        seq = await self.say(text, author)
        for _ in range(attempt):
            turn = await self.claim(seq, author)
        return turn

    async def claim(self, seq: int, author: Person = ANN) -> Turn:
        """Claim the turn of a stored question, again if it was claimed before."""
        async with self.database.begin() as tx:
            return await turns.claim(
                tx, conversation_id=self.conversation.id, inbox_id=seq, seq=seq, asker_id=author.id
            )

    async def retry(self, turn: Turn, author: Person = ANN) -> Turn:
        """Claim a new turn that answers the question of ``turn`` once more."""
        async with self.database.begin() as tx:
            inbox_id = await inbox.add(
                tx,
                self.chat.command(CommandName.RETRY, author=author),
                conversation_id=self.conversation.id,
                lane=Lane.TURNS,
                status=EventStatus.OPEN,
            )
            return await turns.claim(
                tx,
                conversation_id=self.conversation.id,
                inbox_id=inbox_id,
                seq=turn.seq,
                asker_id=author.id,
            )

    async def exchange(self, question: str, answer: str) -> Turn:
        """Store a question with its finished answer."""
        turn = await self.ask(question)
        async with self.database.begin() as tx:
            await history.save_answer(tx, self.conversation.id, turn.seq, turn.id, answer)
            await turns.save_answer(tx, turn, text=answer, outcome=Outcome.COMPLETE)
            await turns.finish(tx, turn, outcome=Outcome.COMPLETE)
        return turn

    async def answer_as_staff(self, text: str, author: Person) -> None:
        """Store what the team writes to the customer, as the desk does."""
        seq = await self.say("(an event)")
        message = HistoryMessage(
            seq=seq,
            role=MessageRole.ASSISTANT,
            content=MessageContent(text=text),
            author_id=author.id,
            author=author.name,
        )
        async with self.database.begin() as tx:
            await history.append(tx, message, conversation_id=self.conversation.id)

    async def messages(self) -> list[tuple[str, str]]:
        """Return role and text of every stored message, in order."""
        async with self.database.read() as tx:
            found = await history.load_oldest(
                tx, self.conversation.id, after_seq=0, up_to_seq=2**62, limit=10_000
            )
        return [(message.role, message.text) for message in found]


def group_chat() -> Chat:
    """A group in which several people take part."""
    return Chat(chat_type=ChatType.GROUP)
