"""The notice that a press shows for a moment: thanks for a verdict, or who may decide about tools."""

from typing import Final

from core.access import AccessLists, Actor
from core.domain.bot_messages import FeedbackVerdict
from core.domain.buttons import ActionButton, ButtonAction, DecideTools
from core.domain.events import ButtonPressed
from core.inbound.button_offers import find_pressed_turn
from core.store import Database, Transaction, feedback, person_settings, rules
from core.store.turns import Turn
from core.text.language import Language
from core.text.notices import Notice

_VERDICTS: Final[dict[ButtonAction, FeedbackVerdict]] = {
    ActionButton.GOOD: FeedbackVerdict.GOOD,
    ActionButton.BAD: FeedbackVerdict.BAD,
}


class PressNotice:
    """Implements :class:`core.ports.platform.PressReply`."""

    def __init__(self, database: Database, access: AccessLists) -> None:
        """``database`` holds the verdicts; ``access`` names the admins, who may decide about tools."""
        self._database = database
        self._access = access

    async def __call__(self, event: ButtonPressed) -> str:
        """Return thanks for a verdict that the store has, or a refusal; "" for other presses.

        A forged press is not stored as a verdict, so that nobody is thanked for it.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        if event.action not in _VERDICTS and not isinstance(event.action, DecideTools):
            return ""
        async with self._database.read() as tx:
            turn = await find_pressed_turn(tx, event)
            if turn is None:
                return ""
            if isinstance(event.action, DecideTools):
                decides = turn.asker_id == event.author.id or self._access.is_admin(Actor.of(event))
                asks = turn.approval is not None and turn.approval.decision is None
                notice = Notice.NOT_YOURS_TO_DECIDE if asks and not decides else None
            else:
                verdict = await feedback.load(tx, turn.id, event.author.id)
                notice = Notice.FEEDBACK_THANKS if verdict is _VERDICTS[event.action] else None
            return "" if notice is None else notice.text(await _language(tx, event, turn))


async def _language(tx: Transaction, event: ButtonPressed, turn: Turn) -> Language:
    """Return the language of the person who pressed."""
    chat_rules = await rules.load(tx, event.address.key)
    known = await person_settings.load_language(tx, Actor.of(event), turn.conversation_id)
    return known.resolve(client=event.author.language, chat="" if chat_rules is None else chat_rules.language)
