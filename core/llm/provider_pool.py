"""The providers of Kimi and their health."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import structlog

from core.kimi import (
    ChatRequest,
    KimiAuthenticationError,
    KimiError,
    KimiPermissionError,
    KimiRateLimited,
    ReplyEvent,
)
from core.llm.circuit_breaker import CircuitBreaker
from core.llm.rate_limiter import LimiterLoad, RateLimiter

log = structlog.get_logger(__name__)

OpenStream: TypeAlias = Callable[[ChatRequest], AsyncGenerator[ReplyEvent, None]]
"""Sends a request once and yields the reply's events; :meth:`core.kimi.AsyncKimi.stream` without retries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One place where Kimi is served, with the account we have there."""

    name: str
    open_stream: OpenStream
    rate_limiter: RateLimiter
    model: str | None = None  #: the model's id there, if it differs
    account: str = ""  #: name of the account, as its files are marked with it


@dataclass(slots=True)
class ProviderState:
    """A provider and its health."""

    provider: Provider
    circuit_breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    went_down: asyncio.Event = field(default_factory=asyncio.Event)  #: set while the breaker is open
    down_since: float = 0.0  #: monotonic time of the first failure of the present outage
    waited: int = 0  #: requests that waited, or went elsewhere, in the present outage

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    def record_success(self, now: float) -> None:
        """Record that the provider answers; the end of an outage is one line."""
        if self.circuit_breaker.record_success():
            self.went_down.clear()
            log.info(
                "llm.provider_recovered",
                provider=self.name,
                down_s=round(now - self.down_since, 1),
                waited=self.waited,
            )

    def record_delayed(self) -> None:
        """Record that a request could not be answered here because of the outage."""
        self.waited += 1

    def record_failure(self, error: KimiError, now: float, *, is_probe: bool) -> None:
        """Record a failure; errors that are no fault of the provider's are ignored."""
        key_refused = isinstance(error, KimiAuthenticationError | KimiPermissionError)
        if isinstance(error, KimiRateLimited) or not (error.retryable or key_refused):
            return
        if self.circuit_breaker.record_failure(now, is_probe=is_probe, key_refused=key_refused):
            self.went_down.set()
            self.down_since, self.waited = now, 0
            log.error("llm.provider_went_down", provider=self.name, code=error.code, error=str(error))


class ProviderPool:
    """All providers, the preferred one first."""

    def __init__(self, providers: Sequence[Provider]) -> None:
        self._states = [ProviderState(provider) for provider in providers]

    @property
    def has_alternatives(self) -> bool:
        """Whether there is more than one provider."""
        return len(self._states) > 1

    def candidates(self, request: ChatRequest, answering_provider: str) -> Sequence[ProviderState]:
        """Return the providers that may answer ``request``.

        A request that continues an answer may only go to the provider that began it: a provider's
        own tool calls are answered to it, and its text is continued by it.
        """
        last = request.messages[-1]
        if answering_provider and (last.partial or last.role == "tool"):
            return [state for state in self._states if state.name == answering_provider]
        return self._states

    def loads(self) -> Mapping[str, tuple[bool, LimiterLoad]]:
        """Return for each provider's name whether it is up, and how much of its account is in use."""
        return {
            state.name: (state.circuit_breaker.is_closed, state.provider.rate_limiter.load)
            for state in self._states
        }

    async def close(self) -> None:
        """Close the rate limiters."""
        for state in self._states:
            await state.provider.rate_limiter.close()
