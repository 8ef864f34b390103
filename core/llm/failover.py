"""Chooses the provider and the time of each attempt of one request, and the end of the attempts. No I/O."""

import random
from collections.abc import Sequence
from typing import Final

import structlog

from core.kimi import (
    KimiAuthenticationError,
    KimiEndpointMissing,
    KimiError,
    KimiModelUnknown,
    KimiPermissionError,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiUnavailable,
    KimiUnreadableReply,
)
from core.kimi.retry_policy import backoff_s
from core.llm.provider_pool import ProviderState

log = structlog.get_logger(__name__)

BACKOFF_FIRST_S: Final = 1.0
BACKOFF_MAX_S: Final = 20.0
MAX_UNREADABLE: Final = 3  #: replies of one request that cannot be read; each may be billed

#: Errors that only concern this provider: another one may answer all the same.
_PROVIDER_SPECIFIC_ERRORS: Final = (
    KimiAuthenticationError,
    KimiPermissionError,
    KimiEndpointMissing,
    KimiModelUnknown,
    KimiQuotaExhausted,
)


class Failover:
    """The attempts of one request over all providers that may answer it."""

    def __init__(self, candidates: Sequence[ProviderState], *, now: float, deadline_s: float) -> None:
        """Begin; a Kimi that keeps failing is tried for ``deadline_s`` seconds."""
        self._candidates = candidates
        self._started_at = now
        self._deadline_s = deadline_s
        self._tried: set[str] = set()  # providers that failed in this round
        self._delayed_by: set[str] = set()  # providers whose outage this request was counted for
        self._rounds = 0
        self._had_transient_failure = False  # a failure of this round may pass by itself
        self._rate_limited_at: float | None = None  # time of the first 429
        self._last_error: KimiError | None = None
        self._unreadable = 0

    def next_provider(self, now: float) -> ProviderState | None:
        """Return the provider to try now; None if a new round has to begin."""
        if len(self._candidates) == 1:  # no alternative: each request backs off by itself
            (only,) = self._candidates
            return None if only.name in self._tried else only
        for candidate in self._candidates:
            if candidate.name not in self._tried and candidate.circuit_breaker.allows(now):
                return candidate
            self._count_delay(candidate)
        return None

    def record_down(self, provider: ProviderState) -> None:
        """Record that the provider went down while the request waited for its permit."""
        self._count_delay(provider)
        self._had_transient_failure = True
        if len(self._candidates) > 1:
            self._tried.add(provider.name)

    def record_failure(self, error: KimiError, provider: ProviderState, now: float) -> None:
        """Record that an attempt failed before the reply began.

        Raises:
            KimiError: ``error``, if no further attempt can help.
        """
        if isinstance(error, KimiRateLimited) and error.limit != "tpd":
            # The limiter knows when to try again.
            self._rate_limited_at = now if self._rate_limited_at is None else self._rate_limited_at
            if now - self._rate_limited_at > self._deadline_s:
                raise error
            log.info("llm.request_rate_limited", provider=provider.name, limit=error.limit)
            return
        if isinstance(error, KimiUnreadableReply):
            self._unreadable += 1
            if self._unreadable >= MAX_UNREADABLE:
                log.error("kimi.reply_unreadable", provider=provider.name, error=str(error))
                raise error
        is_day_limit = isinstance(error, KimiRateLimited)
        if not (error.retryable or is_day_limit or isinstance(error, _PROVIDER_SPECIFIC_ERRORS)):
            raise error
        self._tried.add(provider.name)
        self._count_delay(provider)
        self._had_transient_failure = self._had_transient_failure or error.retryable
        self._last_error = error
        all_tried = all(candidate.name in self._tried for candidate in self._candidates)
        if all_tried and not self._had_transient_failure:
            raise error

    def _count_delay(self, provider: ProviderState) -> None:
        """Count this request once for the outage of a provider that is down."""
        if not provider.circuit_breaker.is_closed and provider.name not in self._delayed_by:
            self._delayed_by.add(provider.name)
            provider.record_delayed()

    def start_round(self, now: float) -> tuple[KimiError, float]:
        """Let every provider be tried again after a wait; return its cause and its seconds.

        Raises:
            KimiError: the latest error, because the deadline would pass.
        """
        error = self._last_error or KimiUnavailable("every provider is down")
        wait_s = backoff_s(
            self._rounds,
            first_s=BACKOFF_FIRST_S,
            max_s=BACKOFF_MAX_S,
            hint_s=error.retry_after_s or 0.0,
            left_s=self._started_at + self._deadline_s - now,
            jitter=random.random(),  # noqa: S311 (no secret)
        )
        if wait_s is None:
            raise error
        self._rounds += 1
        self._had_transient_failure = False
        self._tried.clear()
        log.debug("kimi.retry_scheduled", code=error.code, wait_s=round(wait_s, 2), round=self._rounds)
        return error, wait_s
