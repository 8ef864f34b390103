"""Kimi as the chat services see it: within the account's limits, over several providers.

Every request waits for a slot of its provider's account. A provider that is overloaded, out of
quota, refuses the key or cannot be reached hands new turns to the next one and gets them back when
it is well. An answer that has begun stays with the provider that began it.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

import structlog

from core.domain.clock import Clock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiAuthenticationError,
    KimiEndpointMissing,
    KimiError,
    KimiModelUnknown,
    KimiPermissionError,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiUnavailable,
    OnRetry,
    ReplyEvent,
)
from core.llm.call_metrics import CallMetrics
from core.llm.circuit_breaker import CircuitBreaker
from core.llm.permit import Permit
from core.llm.rate_limiter import LimiterLoad, OnQueuePosition, PermitRequest, RateLimiter
from core.observer import NOOP_OBSERVER, Observer

log = structlog.get_logger(__name__)

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 20.0
MAX_RATIO = 2.0  #: a count that is further above our estimate than this is not believed

#: What only this provider says: another one may answer all the same.
_PROVIDER_SPECIFIC_ERRORS = (
    KimiAuthenticationError,
    KimiPermissionError,
    KimiEndpointMissing,
    KimiModelUnknown,
    KimiQuotaExhausted,
)

InlineMedia: TypeAlias = Callable[[ChatRequest, str], Awaitable[ChatRequest]]
"""Makes a request fit for the account named, where it refers to files that another one keeps."""


class StreamingClient(Protocol):
    """What is needed of :class:`core.kimi.AsyncKimi`; it should try each request once."""

    def stream(
        self, request: ChatRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events."""


@dataclass(slots=True, kw_only=True)
class Requester:
    """On whose behalf a turn's requests are sent. One for each turn."""

    person: str  #: whose share of the account it is; unique over all platforms
    chat: str
    weight: float = 1.0  #: of the chat
    provider: str = ""  #: set by :class:`LlmGateway`: who began the answer, and so goes on with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One place where Kimi is served, with the account we have there."""

    name: str
    client: StreamingClient
    rate_limiter: RateLimiter
    model: str | None = None  #: what the model is called there, where the name differs
    account: str = ""  #: the account's name, as its files are marked with it


@dataclass(slots=True)
class _ProviderState:
    """A provider and what is known of its health."""

    provider: Provider
    circuit_breaker: CircuitBreaker = field(default_factory=CircuitBreaker)
    went_down: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.provider.name


@dataclass(slots=True)
class _AttemptState:
    """What one request has met so far."""

    started_at: float
    tried: set[str] = field(default_factory=set)  #: providers that failed in this round
    rounds: int = 0
    had_transient_failure: bool = False  #: a failure of this round may pass by itself
    rate_limited_at: float | None = None  #: when a 429 was first met
    last_error: KimiError | None = None


class _ProviderWentDown(Exception):
    """The provider went down while the request stood in its line."""


class LlmGateway:
    """Implements :class:`core.llm.resumable_stream.ChatModel` over one or more providers, best first."""

    def __init__(
        self,
        providers: Sequence[Provider],
        clock: Clock,
        *,
        count_tokens: Callable[[ChatRequest], int],
        retry_deadline_s: float = 300.0,
        inline_media: InlineMedia | None = None,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """Take ``providers``, the best first.

        ``count_tokens`` estimates what Kimi will count for a request, the requested completion
        included. ``patience_s`` is how long a failing Kimi is tried; standing in the line has no end.
        Without ``carry`` requests go as they are to every account.
        """
        self._observer = observer
        self._inline_media = inline_media if len(providers) > 1 else None
        self._providers = [_ProviderState(provider) for provider in providers]
        self._clock = clock
        self._count_tokens = count_tokens
        self._retry_deadline_s = retry_deadline_s
        self._ratio = 1.0  # of tokens that Kimi counts to those that we estimate, where above

    def provider_loads(self) -> Mapping[str, tuple[bool, LimiterLoad]]:
        """Return of each provider, by its name, whether it is up and how much of it is in use."""
        return {
            way.name: (way.circuit_breaker.open_until is None, way.provider.rate_limiter.load)
            for way in self._providers
        }

    async def close(self) -> None:
        """Give back what is still held."""
        for way in self._providers:
            await way.provider.rate_limiter.close()

    async def stream(
        self,
        request: ChatRequest,
        *,
        on_retry: OnRetry | None = None,
        requester: Requester | None = None,
        on_queue_position: OnQueuePosition | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; the last is :class:`core.kimi.Finished`.

        ``on_place`` is told the place in the line while the request waits there, ``on_wait`` each
        wait after a failure. Closing the generator ends the request, or takes it out of the line.

        Raises:
            KimiError: no provider can answer, or the answer broke off after it began.
            StoreUnavailable: the limiter's database failed for too long.
        """
        requester = requester or Requester(person="", chat="")
        tries = _AttemptState(started_at=self._clock.time())
        ways = self._candidates_for(request, requester)
        while True:
            way = self._pick(ways, tries)
            if way is None:
                error = tries.last_error or KimiUnavailable("every provider is down")
                await self._back_off(error, tries, on_retry)
                continue
            spoken = False
            try:
                async with contextlib.aclosing(
                    self._send(way, request, requester, on_queue_position)
                ) as events:
                    async for event in events:
                        spoken = True
                        yield event
                return
            except _ProviderWentDown:
                tries.tried.add(way.name)
                tries.had_transient_failure = True
            except KimiError as exc:
                if spoken:
                    raise
                await self._handle_failure(exc, way, ways, tries, on_retry)

    def _candidates_for(self, request: ChatRequest, requester: Requester) -> list[_ProviderState]:
        """Return where a request may go: one that goes on with an answer, only to who began it.

        A provider's own tool calls are answered to it, and its words are continued by it.
        """
        goes_on = request.messages[-1].partial or request.messages[-1].role == "tool"
        if requester.provider and goes_on:
            return [way for way in self._providers if way.name == requester.provider]
        return self._providers

    def _pick(self, candidates: list[_ProviderState], attempts: _AttemptState) -> _ProviderState | None:
        if len(candidates) == 1:
            return candidates[0]  # nobody else to ask: each request backs off by itself
        now = self._clock.time()
        return next(
            (way for way in candidates if way.name not in attempts.tried and way.circuit_breaker.allows(now)),
            None,
        )

    async def _send(
        self,
        candidate: _ProviderState,
        request: ChatRequest,
        requester: Requester,
        on_queue_position: OnQueuePosition | None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Send one request to one provider, once."""
        probe = candidate.circuit_breaker.start_request()
        tokens = self._count_tokens(request)
        ask = PermitRequest(
            requester_id=requester.person,
            chat=requester.chat,
            weight=requester.weight,
            tokens=round(tokens * self._ratio),
        )
        sent = replace(request, model=candidate.provider.model or request.model)
        hearing = CallMetrics(self._observer, self._clock, provider=candidate.name, model=request.model)
        try:
            if self._inline_media is not None:
                sent = await self._inline_media(sent, candidate.provider.account)
            with await self._acquire_permit(candidate, ask, on_queue_position, is_probe=probe) as slot:
                try:
                    hearing.mark_sent()
                    async with contextlib.aclosing(candidate.provider.client.stream(sent)) as events:
                        async for event in events:
                            hearing.record_event(event)
                            self._on_event(event, candidate, slot, requester)
                            if isinstance(event, Finished):
                                self._record_usage(event, request, tokens, slot)
                            yield event
                except (KimiRateLimited, KimiQuotaExhausted) as exc:
                    slot.mark_refused(exc)
                    raise
        except KimiError as exc:
            hearing.record_error(exc)
            self._record_failure(exc, candidate, is_probe=probe)
            raise
        finally:
            hearing.finish()
            if probe:
                candidate.circuit_breaker.release_probe()

    async def _acquire_permit(
        self,
        candidate: _ProviderState,
        request: PermitRequest,
        on_queue_position: OnQueuePosition | None,
        *,
        is_probe: bool,
    ) -> Permit:
        """Wait in the provider's line, unless it goes down and there is another one."""
        admission = candidate.provider.rate_limiter
        if is_probe or len(self._providers) == 1:
            return await admission.acquire(request, on_queue_position=on_queue_position)
        acquiring = asyncio.create_task(admission.acquire(request, on_queue_position=on_queue_position))
        down = asyncio.create_task(candidate.went_down.wait())
        slot: Permit | None = None
        try:
            await asyncio.wait({acquiring, down}, return_when=asyncio.FIRST_COMPLETED)
            if not acquiring.done():
                raise _ProviderWentDown
            slot = acquiring.result()
            return slot
        finally:
            down.cancel()
            acquiring.cancel()
            ended, _ = await asyncio.gather(acquiring, down, return_exceptions=True)
            if isinstance(ended, Permit) and slot is None:
                ended.release_unsent()  # it was granted while we were on our way out

    def _on_event(
        self, event: ReplyEvent, candidate: _ProviderState, permit: Permit, requester: Requester
    ) -> None:
        """Take note of one event; the first tells that request and provider are well."""
        if permit.report.arrived_at is None:
            permit.mark_arrived()
            requester.provider = candidate.name
            if candidate.circuit_breaker.record_success():
                candidate.went_down.clear()
                log.info("llm.provider_recovered", provider=candidate.name)
        if isinstance(event, Finished):
            permit.mark_finished()

    def _record_failure(self, error: KimiError, candidate: _ProviderState, *, is_probe: bool) -> None:
        """Let the breaker know of a failure that is the provider's."""
        key_refused = isinstance(error, KimiAuthenticationError | KimiPermissionError)
        if isinstance(error, KimiRateLimited) or not (error.retryable or key_refused):
            return
        if candidate.circuit_breaker.record_failure(
            self._clock.time(), is_probe=is_probe, open_at_once=key_refused
        ):
            candidate.went_down.set()
            log.error("llm.provider_went_down", provider=candidate.name, code=error.code, error=str(error))

    async def _handle_failure(
        self,
        error: KimiError,
        candidate: _ProviderState,
        candidates: list[_ProviderState],
        attempts: _AttemptState,
        on_retry: OnRetry | None,
    ) -> None:
        """Return where the request may be sent again, after a wait or at once; else raise ``error``."""
        if isinstance(error, KimiRateLimited) and error.limit != "tpd":
            now = self._clock.time()
            attempts.rate_limited_at = now if attempts.rate_limited_at is None else attempts.rate_limited_at
            if now - attempts.rate_limited_at > self._retry_deadline_s:
                raise error
            log.info("llm.request_rate_limited", provider=candidate.name, limit=error.limit)
            return  # the limiter knows when to try again
        daily = isinstance(error, KimiRateLimited)
        if not (error.retryable or daily or isinstance(error, _PROVIDER_SPECIFIC_ERRORS)):
            raise error
        attempts.tried.add(candidate.name)
        attempts.had_transient_failure = attempts.had_transient_failure or error.retryable
        attempts.last_error = error
        if len(candidates) > 1 and self._pick(candidates, attempts) is not None:
            return
        if not attempts.had_transient_failure and all(one.name in attempts.tried for one in candidates):
            raise error
        await self._back_off(error, attempts, on_retry)

    async def _back_off(self, error: KimiError, attempts: _AttemptState, on_retry: OnRetry | None) -> None:
        """Let a wait pass before everybody is tried again; raise ``error`` at the end of the patience."""
        now = self._clock.time()
        most_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2.0**attempts.rounds)
        wait_s = (error.retry_after_s or 0.0) + most_s * random.random()  # noqa: S311 (jitter)
        left_s = attempts.started_at + self._retry_deadline_s - now
        if left_s <= 0 or (error.retry_after_s or 0.0) > left_s:
            raise error
        wait_s = min(wait_s, left_s)
        attempts.rounds += 1
        attempts.had_transient_failure = False
        attempts.tried.clear()
        log.info("kimi.retry_scheduled", code=error.code, wait_s=round(wait_s, 2), round=attempts.rounds)
        if on_retry is not None:
            on_retry(error, wait_s)
        await self._clock.sleep(wait_s)

    def _record_usage(self, finished: Finished, request: ChatRequest, estimated: int, permit: Permit) -> None:
        """Take in what Kimi really counted for the prompt."""
        if finished.usage is None:
            return
        counted = finished.usage.prompt_tokens + request.max_completion_tokens
        permit.set_token_count(counted)
        self._ratio = min(MAX_RATIO, max(self._ratio, counted / max(1, estimated)))
