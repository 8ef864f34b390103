"""Shows "typing…" below a chat's name until the first text appears.

``sendChatAction`` shows it for at most five seconds, and a message clears it
(https://core.telegram.org/bots/api#sendchataction). It spends the budgets of a message.
"""

from bots.telegram.addressing import is_private
from bots.telegram.limits import TelegramLimits
from bots.telegram.message_api import MessageApi
from core.domain.addresses import Address
from core.domain.bot_messages import TypingStatus
from core.domain.errors import PlatformError, PlatformRateLimited


class TypingIndicator:
    """Shows the status; Telegram clears it by itself."""

    def __init__(self, api: MessageApi, limits: TelegramLimits) -> None:
        self._api, self._limits = api, limits

    def refresh_s(self, address: Address) -> float:
        """Return the interval of typing actions; 0 in groups, because their budget permits only one."""
        return self._limits.typing_refresh_s if is_private(address) else 0.0

    async def show(self, address: Address, status: TypingStatus) -> None:
        """Show ``status``; every error but a rate limit is ignored.

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
