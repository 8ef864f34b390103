"""Log of a database's outages: one line when one begins, one when it ends."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import structlog

from core.domain.errors import StoreUnavailable

log = structlog.get_logger(__name__)


class OutageLog:
    """Turns failed and successful transactions into the lines of an outage."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` returns the time in seconds."""
        self._now = now
        self._down_since: float | None = None
        self._failed = 0

    @contextmanager
    def watch(self) -> Generator[None]:
        """Observe one transaction.

        Raises:
            StoreUnavailable: as the block raised it.
        """
        try:
            yield
        except StoreUnavailable as exc:
            self._record_failure(exc)
            raise
        self._record_success()

    def _record_failure(self, error: StoreUnavailable) -> None:
        self._failed += 1
        if self._down_since is None:
            self._down_since = self._now()
            log.error("store.unavailable", error=str(error))

    def _record_success(self) -> None:
        if self._down_since is None:
            return
        log.info("store.recovered", down_s=round(self._now() - self._down_since, 1), failed=self._failed)
        self._down_since, self._failed = None, 0
