"""Kimi within the limits of its accounts, over several providers.

Each request waits for a permit of its provider's account. If a provider is overloaded, out of quota,
refuses the key or cannot be reached, new answers come from the next one until it is up again. An
answer that has begun stays with the provider that began it.
"""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeAlias

from core.concurrency.deadline import Interrupted, run_until
from core.domain.clock import Clock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiError,
    ReplyEvent,
)
from core.llm.call_metrics import CallMetrics
from core.llm.failover import Failover
from core.llm.permit import Permit
from core.llm.provider_pool import Provider, ProviderPool, ProviderState
from core.llm.rate_limiter import LimiterLoad
from core.observer import NOOP_OBSERVER, Observer
from core.ports.chat_model import CallContext

MAX_RATIO: Final = 2.0  #: a count that is further above our estimate is not believed

InlineMedia: TypeAlias = Callable[[ChatRequest, str], Awaitable[ChatRequest]]
"""Returns a request as the named account can answer it: files of other accounts are put into it."""


class _ProviderWentDown(Exception):
    """The provider went down while the request waited for its permit."""


class LlmGateway:
    """A :class:`core.ports.chat_model.ChatModel` over one or more providers."""

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
        """Send requests to ``providers``, the first one preferred.

        Args:
            providers: at least one.
            clock: measures waits and durations.
            count_tokens: estimates what Kimi counts for a request, the requested completion included.
            retry_deadline_s: how long a failing Kimi is tried; the wait for a permit has no limit.
            inline_media: applied to each request if there are several providers; None leaves
                requests as they are.
            observer: hears of each request.
        """
        self._pool = ProviderPool(providers)
        self._clock = clock
        self._count_tokens = count_tokens
        self._retry_deadline_s = retry_deadline_s
        self._inline_media = inline_media if len(providers) > 1 else None
        self._observer = observer
        self._token_ratio = 1.0  # tokens that Kimi counts for each one that we estimate; at least 1

    def provider_loads(self) -> Mapping[str, tuple[bool, LimiterLoad]]:
        """Return for each provider's name whether it is up, and how much of its account is in use."""
        return self._pool.loads()

    async def close(self) -> None:
        """Return the permits that are still held."""
        await self._pool.close()

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; the last one is :class:`core.kimi.Finished`.

        Closing the generator ends the request, or takes it out of the queue.

        Raises:
            KimiError: no provider can answer, or the reply broke off after it began.
            StoreUnavailable: the limiter's store failed for too long.
        """
        failover = Failover(
            self._pool.candidates(request, context.provider),
            now=self._clock.time(),
            deadline_s=self._retry_deadline_s,
        )
        while True:
            provider = failover.next_provider(self._clock.time())
            if provider is None:
                await self._back_off(failover, context)
                continue
            has_begun = False
            try:
                async with contextlib.aclosing(self._send(provider, request, context)) as events:
                    async for event in events:
                        has_begun = True
                        yield event
                return
            except _ProviderWentDown:
                failover.record_down(provider)
            except KimiError as exc:
                if has_begun:
                    raise
                failover.record_failure(exc, provider, self._clock.time())

    async def _back_off(self, failover: Failover, context: CallContext) -> None:
        error, wait_s = failover.start_round(self._clock.time())
        if context.on_retry is not None:
            context.on_retry(error, wait_s)
        await self._clock.sleep(wait_s)

    async def _send(
        self, state: ProviderState, request: ChatRequest, context: CallContext
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Send one request to one provider, once."""
        provider = state.provider
        is_probe = state.circuit_breaker.start_request()
        estimated_tokens = self._count_tokens(request)
        metrics = CallMetrics(self._observer, self._clock, provider=provider.name, model=request.model)
        try:
            sent = replace(request, model=provider.model or request.model)
            if self._inline_media is not None:
                sent = await self._inline_media(sent, provider.account)
            tokens = round(estimated_tokens * self._token_ratio)
            with await self._acquire_permit(state, context, tokens, is_probe=is_probe) as permit:
                metrics.mark_sent()
                async with contextlib.aclosing(provider.open_stream(sent)) as events:
                    async for event in events:
                        metrics.record_event(event)
                        if permit.report.arrived_at is None:
                            permit.mark_arrived()
                            context.provider = provider.name
                            state.record_success(self._clock.time())
                        if isinstance(event, Finished):
                            permit.mark_finished()
                            self._record_usage(event, request, estimated_tokens, permit)
                        yield event
        except KimiError as exc:
            metrics.record_error(exc)
            state.record_failure(exc, self._clock.time(), is_probe=is_probe)
            raise
        finally:
            metrics.finish()
            if is_probe:
                state.circuit_breaker.release_probe()

    async def _acquire_permit(
        self, state: ProviderState, context: CallContext, tokens: int, *, is_probe: bool
    ) -> Permit:
        """Wait for a permit of the provider's account.

        Raises:
            _ProviderWentDown: the provider went down meanwhile, and there are others.
        """
        acquiring = state.provider.rate_limiter.acquire(
            context.requester, tokens, on_queue_position=context.on_queue_position
        )
        if is_probe or not self._pool.has_alternatives:
            return await acquiring
        try:
            return await run_until(acquiring, state.went_down.wait(), on_discard=Permit.release_unsent)
        except Interrupted:
            raise _ProviderWentDown from None

    def _record_usage(
        self, finished: Finished, request: ChatRequest, estimated_tokens: int, permit: Permit
    ) -> None:
        """Correct the permit and the estimates by what Kimi counted for the prompt."""
        if finished.usage is None:
            return
        counted = finished.usage.prompt_tokens + request.max_completion_tokens
        permit.set_token_count(counted)
        ratio = counted / max(1, estimated_tokens)
        self._token_ratio = min(MAX_RATIO, max(self._token_ratio, ratio))
