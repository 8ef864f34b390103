"""The line "typing…" under a chat's name, as long as there are no words.

``sendChatAction`` shows it for five seconds at most, and a message takes it away
(https://core.telegram.org/bots/api#sendchataction). It costs as much as a message.
"""

from bots.telegram.addressing import is_private
from bots.telegram.limits import TelegramLimits
from bots.telegram.message_api import MessageApi
from core.domain.addresses import Address
from core.domain.bot_messages import TypingStatus
from core.domain.errors import PlatformError, PlatformRateLimited


class TypingIndicator:
    """Shows the status; Telegram takes it away by itself."""

    def __init__(self, api: MessageApi, limits: TelegramLimits) -> None:
        self._api, self._limits = api, limits

    def refresh_s(self, address: Address) -> float:
        """Return the typing action's rhythm; in groups it is shown once, the budget is too thin."""
        return self._limits.typing_refresh_s if is_private(address) else 0.0

    async def show(self, address: Address, status: TypingStatus) -> None:
        """Show ``status``; every refusal but a rate limit is nothing: the words themselves will tell.

        Raises:
            core.domain.errors.PlatformRateLimited: nothing was shown.
        """
        if status is TypingStatus.IDLE:
            return
        try:
            await self._api.send_typing(address)
        except PlatformRateLimited:
            raise
        except PlatformError:
            return
