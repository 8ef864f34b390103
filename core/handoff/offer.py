"""How a strict chat offers a person, where it has a team's desk."""

from core.domain.buttons import OptionButton
from core.handoff import texts_for_customers
from core.handoff.service import HandoffService
from core.store import Database, handoffs
from core.text.language import pick
from core.turns.claimer import ClaimedTurn


class HandoffOffer:
    """Implements :data:`core.turns.predefined_answers.Offer`."""

    def __init__(self, database: Database, service: HandoffService) -> None:
        self._database = database
        self._service = service

    async def __call__(self, claimed: ClaimedTurn) -> tuple[str, tuple[OptionButton, ...]]:
        """Return a sentence and a button; nothing where nobody would come, or somebody is on the way.

        Raises:
            StoreUnavailable: the chat's terms could not be read.
        """
        async with self._database.read() as tx:
            terms = await self._service.load_policy(tx, claimed.address, claimed.language)
            handed_over = await handoffs.get_active(tx, claimed.conversation.id) is not None
        if terms.desk_room is None or handed_over:
            return "", ()
        if terms.escalation_mode == "ask":  # what follows the answer brings somebody at once, and says so
            return "", ()
        words = pick(
            claimed.language, zh="需要请人工同事来帮您吗？", en="Shall a person of our team help you with it?"
        )
        return words, (texts_for_customers.request_human_button(claimed.language),)
