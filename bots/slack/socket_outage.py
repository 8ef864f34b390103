"""One line when a socket fails, and one when Slack is back, in place of the SDK's line for each attempt."""

import logging
import sys
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)

SDK_MODULE = "socket_mode"  #: in the paths of the SDK's modules that keep the socket up


class SocketOutage(logging.Filter):
    """Filter of the SDK's logger: what the SDK reports about a socket is a failed attempt of an outage.

    The SDK tries again by itself every few seconds, and logs each failure with its stack.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` returns the time in seconds."""
        super().__init__()
        self._now = now
        self._down_since: float | None = None
        self._failed = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for a line about the socket, which is counted instead."""
        if SDK_MODULE not in record.pathname:
            return True
        error = sys.exc_info()[0]  # the SDK logs where it caught it
        self._record_failure(error.__name__ if error is not None else "")
        return False

    def record_connected(self) -> None:
        """Record that Slack has accepted a socket."""
        if self._down_since is not None:
            down_s = round(self._now() - self._down_since, 1)
            log.info("slack.recovered", down_s=down_s, failed=self._failed)
        self._down_since, self._failed = None, 0

    def _record_failure(self, error: str) -> None:
        self._failed += 1
        if self._down_since is None:
            self._down_since = self._now()
            log.warning("slack.unreachable", error=error)
        else:
            log.debug("slack.still_failing", error=error)
