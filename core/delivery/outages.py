"""Log of platforms that cannot be reached with calls: one line when an outage begins, one when it ends."""

from dataclasses import dataclass
from typing import Final

import structlog

from core.domain.errors import PlatformError, PlatformRateLimited, PlatformUnavailable

log = structlog.get_logger(__name__)

FAILURES_OF_OUTAGE: Final = 2  #: calls in a row; a single one may fail by chance, and is repeated


@dataclass(slots=True)
class _Outage:
    since: float
    failed: int = 0


class PlatformOutages:
    """Turns failed and successful calls into the lines of an outage of each platform."""

    def __init__(self) -> None:
        self._outages: dict[str, _Outage] = {}

    def record_failure(self, platform: str, action: str, error: PlatformError, now: float) -> None:
        """Log a failed call: the start of an outage as a warning, repeated failures as debug."""
        kind = type(error).__name__
        if isinstance(error, PlatformUnavailable | PlatformRateLimited):
            log.debug("delivery.call_failed", platform=platform, action=action, error=kind)
        else:
            log.info("delivery.call_failed", platform=platform, action=action, error=kind)
        if not isinstance(error, PlatformUnavailable):
            return
        outage = self._outages.setdefault(platform, _Outage(now))
        outage.failed += 1
        if outage.failed == FAILURES_OF_OUTAGE:
            log.warning("delivery.platform_unreachable", platform=platform, error=str(error))

    def record_success(self, platform: str, now: float) -> None:
        """Log the end of an outage, if there was one."""
        outage = self._outages.pop(platform, None)
        if outage is not None and outage.failed >= FAILURES_OF_OUTAGE:
            down_s = round(now - outage.since, 1)
            log.info("delivery.platform_recovered", platform=platform, down_s=down_s, failed=outage.failed)
