"""The parts that know: what answers are looked up in, and the commands that teach a chat."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from core.access import Actor
from core.commands import CannedCommand, Command, CommandHandler, LearnCommand
from core.domain.events import CommandName
from core.files.kimi_file_store import KimiFileStore
from core.files.library import Library
from core.handoff.offer import HandoffOffer
from core.handoff.service import HandoffService
from core.knowledge.file_text import FileTextReader
from core.knowledge.retrieval import KnowledgeRetriever
from core.store import Database
from core.turns.predefined_answers import CannedAnswer, NoKnowledgeAnswer
from core.turns.runner import PredefinedAnswer


class KnowledgeComponents:
    """Everything of knowledge that one process needs."""

    def __init__(
        self,
        database: Database,
        library: Library,
        file_store: KimiFileStore,
        *,
        is_chat_admin: Callable[[Actor], Awaitable[bool]],
    ) -> None:
        self.retriever = KnowledgeRetriever(database)
        self._database = database
        self._library = library
        self._file_store = file_store
        self._is_chat_admin = is_chat_admin

    def commands(self) -> Mapping[CommandName, CommandHandler]:
        """Return the commands that teach a chat."""
        words = FileTextReader(self._file_store)
        return {
            CommandName.LEARN: LearnCommand(
                self._database, self._library, words, may_manage=self._may_manage_knowledge
            ),
            CommandName.CANNED: CannedCommand(self._database, may_manage=self._may_manage_knowledge),
        }

    def predefined_answers(self, handoff_service: HandoffService) -> Sequence[PredefinedAnswer]:
        """Return what answers before Kimi does."""
        offer = HandoffOffer(self._database, handoff_service)
        return CannedAnswer(self._database), NoKnowledgeAnswer(self.retriever, offer=offer)

    async def _may_manage_knowledge(self, command: Command) -> bool:
        """Return whether somebody may teach a chat: its admins and ours, in a direct one its person."""
        key = command.conversation.key
        who = Actor.at(key, command.author.id)
        return command.is_admin or await self._is_chat_admin(who)
