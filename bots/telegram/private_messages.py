"""Messages that one person sees, in their private chat with the bot."""

from telegram import Bot

from bots.telegram.errors import translate_errors
from core.domain.addresses import Address
from core.domain.errors import PlatformForbidden


class TelegramPrivateMessages:
    """Writes to people. Implements :class:`core.ports.private_messages.PrivateMessages`."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send_private(self, address: Address, person_id: str, text: str) -> None:
        """Send plain text to a person's private chat; its id is the person's.

        Raises:
            PlatformForbidden: the person never wrote to the bot, has blocked it, or is a channel or an
                anonymous admin, which have no private chat.
            PlatformError: Telegram refused or cannot be reached.
        """
        if not person_id.isdecimal():
            raise PlatformForbidden("no person's id")
        with translate_errors(idempotent=False):
            await self._bot.send_message(int(person_id), text)
