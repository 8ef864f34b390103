"""The parts that know: what answers are looked up in, and the commands that teach a chat."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from core.access import Who
from core.commands import CannedOrder, Handler, LearnOrder, Order
from core.domain.events import CommandName
from core.files.kimi_file_store import Shelf
from core.files.library import Library
from core.handoff.offer import DeskOffer
from core.handoff.service import Desk
from core.knowledge.reading import FileWords
from core.knowledge.retrieval import Knowledge
from core.store import Database
from core.turns.predefined_answers import SaysItAgain, SaysItDoesNotKnow
from core.turns.runner import OwnWords


class Knowing:
    """Everything of knowledge that one process needs."""

    def __init__(
        self,
        database: Database,
        library: Library,
        shelf: Shelf,
        *,
        runs_the_chat: Callable[[Who], Awaitable[bool]],
    ) -> None:
        self.knowledge = Knowledge(database)
        self._database = database
        self._library = library
        self._shelf = shelf
        self._runs_the_chat = runs_the_chat

    def orders(self) -> Mapping[CommandName, Handler]:
        """Return the commands that teach a chat."""
        words = FileWords(self._shelf)
        return {
            CommandName.LEARN: LearnOrder(self._database, self._library, words, may_teach=self._may_teach),
            CommandName.CANNED: CannedOrder(self._database, may_keep=self._may_teach),
        }

    def own_words(self, desk: Desk) -> Sequence[OwnWords]:
        """Return what answers before Kimi does."""
        offer = DeskOffer(self._database, desk)
        return SaysItAgain(self._database), SaysItDoesNotKnow(self.knowledge, offer=offer)

    async def _may_teach(self, order: Order) -> bool:
        """Return whether somebody may teach a chat: its admins and ours, in a direct one its person."""
        key = order.conversation.key
        who = Who.at(key, order.author.id)
        return order.is_admin or await self._runs_the_chat(who)
