"""How a strict chat offers a person, where it has a team's desk."""

from core.domain.events import Choice
from core.handoff import texts_for_customers
from core.handoff.service import Desk
from core.store import Database, handoffs
from core.text.language import pick
from core.turns.claimer import Taken


class DeskOffer:
    """Implements :data:`core.turns.predefined_answers.Offer`."""

    def __init__(self, database: Database, desk_: Desk) -> None:
        self._database = database
        self._desk = desk_

    async def __call__(self, taken: Taken) -> tuple[str, tuple[Choice, ...]]:
        """Return a sentence and a button; nothing where nobody would come, or somebody is on the way.

        Raises:
            StoreUnavailable: the chat's terms could not be read.
        """
        async with self._database.read() as tx:
            terms = await self._desk.terms(tx, taken.address, taken.language)
            handed_over = await handoffs.active(tx, taken.conversation.id) is not None
        if terms.desk is None or handed_over:
            return "", ()
        if terms.unasked == "ask":  # what follows the answer brings somebody at once, and says so
            return "", ()
        words = pick(
            taken.language, zh="需要请人工同事来帮您吗？", en="Shall a person of our team help you with it?"
        )
        return words, (texts_for_customers.offer_button(taken.language),)
