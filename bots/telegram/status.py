"""The line "typing…" under a chat's name, as long as there are no words.

``sendChatAction`` shows it for five seconds at most, and a message takes it away
(https://core.telegram.org/bots/api#sendchataction). It costs as much as a message.
"""

from bots.telegram.limits import TelegramLimits
from bots.telegram.places import is_private
from bots.telegram.writing import Writer
from core.domain.errors import SurfaceError, SurfaceRateLimited
from core.domain.events import Address, Status


class StatusLine:
    """Shows the status; Telegram takes it away by itself."""

    def __init__(self, writer: Writer, limits: TelegramLimits) -> None:
        self._writer, self._limits = writer, limits

    def every_s(self, address: Address) -> float:
        """Return the typing action's rhythm; in groups it is shown once, the budget is too thin."""
        return self._limits.typing_every_s if is_private(address) else 0.0

    async def show(self, address: Address, status: Status) -> None:
        """Show ``status``; every refusal but a rate limit is nothing: the words themselves will tell.

        Raises:
            core.domain.errors.SurfaceRateLimited: nothing was shown.
        """
        if status is Status.IDLE:
            return
        try:
            await self._writer.type(address)
        except SurfaceRateLimited:
            raise
        except SurfaceError:
            return
