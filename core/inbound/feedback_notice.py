"""The notice that thanks a person for a verdict on an answer, if the platform itself shows nothing."""

from typing import Final

from core.access import Actor
from core.domain.bot_messages import FeedbackVerdict
from core.domain.buttons import ActionButton, ButtonAction
from core.domain.events import ButtonPressed
from core.inbound.button_offers import find_pressed_turn
from core.store import Database, feedback, person_settings, rules
from core.text.notices import Notice

_VERDICTS: Final[dict[ButtonAction, FeedbackVerdict]] = {
    ActionButton.GOOD: FeedbackVerdict.GOOD,
    ActionButton.BAD: FeedbackVerdict.BAD,
}


class FeedbackNotice:
    """Implements :class:`core.ports.platform.PressReply`."""

    def __init__(self, database: Database) -> None:
        """``database`` holds the verdicts."""
        self._database = database

    async def __call__(self, event: ButtonPressed) -> str:
        """Return the thanks, in the person's language, if the store has the verdict; "" for other presses.

        A forged press is not stored as a verdict, so that nobody is thanked for it.

        Raises:
            StoreUnavailable: the verdict cannot be read.
        """
        verdict = _VERDICTS.get(event.action)
        if verdict is None:
            return ""
        async with self._database.read() as tx:
            turn = await find_pressed_turn(tx, event)
            if turn is None or await feedback.load(tx, turn.id, event.author.id) is not verdict:
                return ""
            chat_rules = await rules.load(tx, event.address.key)
            known = await person_settings.load_language(tx, Actor.of(event), turn.conversation_id)
        chat = "" if chat_rules is None else chat_rules.language
        return Notice.FEEDBACK_THANKS.text(known.resolve(client=event.author.language, chat=chat))
