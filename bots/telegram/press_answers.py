"""Answers callback queries: ends the progress indicator on a pressed button, with a text for a moment.

A verdict (👍, 👎) changes nothing else on the screen: https://core.telegram.org/bots/api#answercallbackquery
"""

from contextlib import suppress

import structlog
from telegram.error import TelegramError

from bots.telegram.credentials import RawBot
from core.domain.errors import StoreUnavailable
from core.domain.events import ButtonPressed
from core.ports.platform import PressReply

log = structlog.get_logger(__name__)


class PressAnswers:
    """Answers the presses of one bot's buttons."""

    def __init__(self, bot: RawBot) -> None:
        self._bot = bot
        self.reply: PressReply | None = None  #: decides the text; None: there is none

    async def answer(self, query_id: str, pressed: ButtonPressed | None) -> None:
        """Answer a press, which is stored; ``pressed`` is None if it is of no button of ours."""
        text = ""
        if pressed is not None and self.reply is not None:
            with suppress(StoreUnavailable):
                text = await self.reply(pressed)
        try:
            await self._bot.answer_callback_query(query_id, text=text or None)
        except TelegramError as exc:  # too old, or pressed twice: the button works all the same
            log.debug("telegram.callback_not_answered", error=type(exc).__name__)
