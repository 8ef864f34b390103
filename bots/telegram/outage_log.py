"""Log of the times in which updates cannot be received: one line when one begins, one when it ends."""

from collections.abc import Callable
from typing import Final

import structlog
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bots.telegram.credentials import TOKEN_REFUSED
from bots.telegram.errors import retry_after_s
from core.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)

SPARE_S: Final = 0.5  #: waited beyond the pause that Telegram asks for
CONFLICT_ADVICE: Final = "another process takes this bot's updates, or a webhook is set; only one may"


class IngressOutageLog:
    """Turns failed and successful calls for updates into lines; what repeats is logged at debug."""

    def __init__(self, now: Callable[[], float]) -> None:
        """``now`` returns the time in seconds."""
        self._now = now
        self._failing_since: float | None = None
        self._failed = 0
        self._told: set[type[Exception]] = set()  #: what has failed since the last success

    def record_failure(self, error: Exception) -> float:
        """Log why updates cannot be received, and return the seconds that Telegram asks us to wait."""
        self._failed += 1
        if self._failing_since is None:
            self._failing_since = self._now()
        wait_s = retry_after_s(error) + SPARE_S if isinstance(error, RetryAfter) else 0.0
        if type(error) in self._told:
            log.debug("telegram.still_failing", error=type(error).__name__, failed=self._failed)
            return wait_s
        self._told.add(type(error))
        match error:
            case RetryAfter():
                log.warning("telegram.rate_limited", wait_s=wait_s)
            case Conflict():
                log.warning("telegram.conflict", advice=CONFLICT_ADVICE)
            case InvalidToken():
                log.error("telegram.token_refused", advice=TOKEN_REFUSED)
            case StoreUnavailable():
                log.debug("store.unavailable", platform="telegram", error=str(error))
            case TelegramError():
                log.warning("telegram.unreachable", error=type(error).__name__, text=error.message)
            case _:
                log.error("telegram.ingress_failed", exc_info=error)
        return wait_s

    def record_success(self) -> None:
        """Log that updates are received again, if a line has said that they were not."""
        if self._failing_since is not None and self._told - {StoreUnavailable}:
            down_s = round(self._now() - self._failing_since, 1)
            log.info("telegram.recovered", down_s=down_s, failed=self._failed)
        self._failing_since, self._failed = None, 0
        self._told.clear()
