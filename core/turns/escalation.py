"""The port through which answers offer a person of the team; the package ``core.handoff`` implements it."""

from typing import Protocol

from core.domain.buttons import OptionButton
from core.domain.turn_states import TurnOutcome
from core.turns.claimed_turn import ClaimedTurn


class Escalation(Protocol):
    """Offers a person around an answer: in its text, by a button below it, and after it."""

    async def offer(self, claimed: ClaimedTurn) -> tuple[str, tuple[OptionButton, ...]]:
        """Return a sentence that offers a person, and the buttons for it; ("", ()) if nobody would come."""

    def buttons(self, claimed: ClaimedTurn) -> tuple[OptionButton, ...]:
        """Return the buttons that the answer to a question gets."""

    async def escalate(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> None:
        """Offer or request a person after an answer that cannot have helped.

        It may be called twice for one answer, after a crash.
        """
