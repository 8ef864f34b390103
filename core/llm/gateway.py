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
    OnWait,
    ReplyEvent,
)
from core.llm.call_metrics import Hearing
from core.llm.circuit_breaker import Breaker
from core.llm.permit import Slot
from core.llm.rate_limiter import Admission, Ask, Load, OnPlace
from core.observer import NOOP_OBSERVER, Observer

log = structlog.get_logger(__name__)

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 20.0
MOST_RATIO = 2.0  #: a count that is further above our estimate than this is not believed

#: What only this provider says: another one may answer all the same.
_ITS_OWN = (
    KimiAuthenticationError,
    KimiPermissionError,
    KimiEndpointMissing,
    KimiModelUnknown,
    KimiQuotaExhausted,
)

Carry: TypeAlias = Callable[[ChatRequest, str], Awaitable[ChatRequest]]
"""Makes a request fit for the account named, where it refers to files that another one keeps."""


class Client(Protocol):
    """What is needed of :class:`core.kimi.AsyncKimi`; it should try each request once."""

    def stream(
        self, request: ChatRequest, *, on_wait: OnWait | None = None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events."""


@dataclass(slots=True, kw_only=True)
class Asker:
    """On whose behalf a turn's requests are sent. One for each turn."""

    person: str  #: whose share of the account it is; unique over all platforms
    chat: str
    weight: float = 1.0  #: of the chat
    provider: str = ""  #: set by :class:`AccountModel`: who began the answer, and so goes on with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One place where Kimi is served, with the account we have there."""

    name: str
    client: Client
    admission: Admission
    model: str | None = None  #: what the model is called there, where the name differs
    account: str = ""  #: the account's name, as its files are marked with it


@dataclass(slots=True)
class _Way:
    """A provider and what is known of its health."""

    provider: Provider
    breaker: Breaker = field(default_factory=Breaker)
    down: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.provider.name


@dataclass(slots=True)
class _Tries:
    """What one request has met so far."""

    began: float
    tried: set[str] = field(default_factory=set)  #: providers that failed in this round
    rounds: int = 0
    may_pass: bool = False  #: a failure of this round may pass by itself
    refused_at: float | None = None  #: when a 429 was first met
    last: KimiError | None = None


class _Moved(Exception):
    """The provider went down while the request stood in its line."""


class AccountModel:
    """Implements :class:`core.llm.resumable_stream.ChatModel` over one or more providers, best first."""

    def __init__(
        self,
        providers: Sequence[Provider],
        clock: Clock,
        *,
        count_tokens: Callable[[ChatRequest], int],
        patience_s: float = 300.0,
        carry: Carry | None = None,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """Take ``providers``, the best first.

        ``count_tokens`` estimates what Kimi will count for a request, the requested completion
        included. ``patience_s`` is how long a failing Kimi is tried; standing in the line has no end.
        Without ``carry`` requests go as they are to every account.
        """
        self._observer = observer
        self._carry = carry if len(providers) > 1 else None
        self._ways = [_Way(provider) for provider in providers]
        self._clock = clock
        self._count_tokens = count_tokens
        self._patience_s = patience_s
        self._ratio = 1.0  # of tokens that Kimi counts to those that we estimate, where above

    def loads(self) -> Mapping[str, tuple[bool, Load]]:
        """Return of each provider, by its name, whether it is up and how much of it is in use."""
        return {way.name: (way.breaker.open_until is None, way.provider.admission.load) for way in self._ways}

    async def close(self) -> None:
        """Give back what is still held."""
        for way in self._ways:
            await way.provider.admission.close()

    async def stream(
        self,
        request: ChatRequest,
        *,
        on_wait: OnWait | None = None,
        asker: Asker | None = None,
        on_place: OnPlace | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; the last is :class:`core.kimi.Finished`.

        ``on_place`` is told the place in the line while the request waits there, ``on_wait`` each
        wait after a failure. Closing the generator ends the request, or takes it out of the line.

        Raises:
            KimiError: no provider can answer, or the answer broke off after it began.
            StoreUnavailable: the limiter's database failed for too long.
        """
        asker = asker or Asker(person="", chat="")
        tries = _Tries(began=self._clock.time())
        ways = self._ways_for(request, asker)
        while True:
            way = self._choose(ways, tries)
            if way is None:
                error = tries.last or KimiUnavailable("every provider is down")
                await self._back_off(error, tries, on_wait)
                continue
            spoken = False
            try:
                async with contextlib.aclosing(self._ask(way, request, asker, on_place)) as events:
                    async for event in events:
                        spoken = True
                        yield event
                return
            except _Moved:
                tries.tried.add(way.name)
                tries.may_pass = True
            except KimiError as exc:
                if spoken:
                    raise
                await self._failed(exc, way, ways, tries, on_wait)

    def _ways_for(self, request: ChatRequest, asker: Asker) -> list[_Way]:
        """Return where a request may go: one that goes on with an answer, only to who began it.

        A provider's own tool calls are answered to it, and its words are continued by it.
        """
        goes_on = request.messages[-1].partial or request.messages[-1].role == "tool"
        if asker.provider and goes_on:
            return [way for way in self._ways if way.name == asker.provider]
        return self._ways

    def _choose(self, ways: list[_Way], tries: _Tries) -> _Way | None:
        if len(ways) == 1:
            return ways[0]  # nobody else to ask: each request backs off by itself
        now = self._clock.time()
        return next((way for way in ways if way.name not in tries.tried and way.breaker.allows(now)), None)

    async def _ask(
        self, way: _Way, request: ChatRequest, asker: Asker, on_place: OnPlace | None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Send one request to one provider, once."""
        probe = way.breaker.begin()
        tokens = self._count_tokens(request)
        ask = Ask(
            asker=asker.person, chat=asker.chat, weight=asker.weight, tokens=round(tokens * self._ratio)
        )
        sent = replace(request, model=way.provider.model or request.model)
        hearing = Hearing(self._observer, self._clock, provider=way.name, model=request.model)
        try:
            if self._carry is not None:
                sent = await self._carry(sent, way.provider.account)
            with await self._slot(way, ask, on_place, probe=probe) as slot:
                try:
                    hearing.sent()
                    async with contextlib.aclosing(way.provider.client.stream(sent)) as events:
                        async for event in events:
                            hearing.heard(event)
                            self._heard(event, way, slot, asker)
                            if isinstance(event, Finished):
                                self._correct(event, request, tokens, slot)
                            yield event
                except (KimiRateLimited, KimiQuotaExhausted) as exc:
                    slot.refused(exc)
                    raise
        except KimiError as exc:
            hearing.failed(exc)
            self._note(exc, way, probe=probe)
            raise
        finally:
            hearing.over()
            if probe:
                way.breaker.abandoned()

    async def _slot(self, way: _Way, ask: Ask, on_place: OnPlace | None, *, probe: bool) -> Slot:
        """Wait in the provider's line, unless it goes down and there is another one."""
        admission = way.provider.admission
        if probe or len(self._ways) == 1:
            return await admission.acquire(ask, on_place=on_place)
        acquiring = asyncio.create_task(admission.acquire(ask, on_place=on_place))
        down = asyncio.create_task(way.down.wait())
        slot: Slot | None = None
        try:
            await asyncio.wait({acquiring, down}, return_when=asyncio.FIRST_COMPLETED)
            if not acquiring.done():
                raise _Moved
            slot = acquiring.result()
            return slot
        finally:
            down.cancel()
            acquiring.cancel()
            ended, _ = await asyncio.gather(acquiring, down, return_exceptions=True)
            if isinstance(ended, Slot) and slot is None:
                ended.unsent()  # it was granted while we were on our way out

    def _heard(self, event: ReplyEvent, way: _Way, slot: Slot, asker: Asker) -> None:
        """Take note of one event; the first tells that request and provider are well."""
        if slot.told.arrived_at is None:
            slot.arrived()
            asker.provider = way.name
            if way.breaker.succeeded():
                way.down.clear()
                log.info("provider_up", provider=way.name)
        if isinstance(event, Finished):
            slot.finished()

    def _note(self, error: KimiError, way: _Way, *, probe: bool) -> None:
        """Let the breaker know of a failure that is the provider's."""
        key_refused = isinstance(error, KimiAuthenticationError | KimiPermissionError)
        if isinstance(error, KimiRateLimited) or not (error.retryable or key_refused):
            return
        if way.breaker.failed(self._clock.time(), probe=probe, at_once=key_refused):
            way.down.set()
            log.error("provider_down", provider=way.name, code=error.code, error=str(error))

    async def _failed(
        self, error: KimiError, way: _Way, ways: list[_Way], tries: _Tries, on_wait: OnWait | None
    ) -> None:
        """Return where the request may be sent again, after a wait or at once; else raise ``error``."""
        if isinstance(error, KimiRateLimited) and error.limit != "tpd":
            now = self._clock.time()
            tries.refused_at = now if tries.refused_at is None else tries.refused_at
            if now - tries.refused_at > self._patience_s:
                raise error
            log.info("request_refused", provider=way.name, limit=error.limit)
            return  # the limiter knows when to try again
        daily = isinstance(error, KimiRateLimited)
        if not (error.retryable or daily or isinstance(error, _ITS_OWN)):
            raise error
        tries.tried.add(way.name)
        tries.may_pass = tries.may_pass or error.retryable
        tries.last = error
        if len(ways) > 1 and self._choose(ways, tries) is not None:
            return
        if not tries.may_pass and all(one.name in tries.tried for one in ways):
            raise error
        await self._back_off(error, tries, on_wait)

    async def _back_off(self, error: KimiError, tries: _Tries, on_wait: OnWait | None) -> None:
        """Let a wait pass before everybody is tried again; raise ``error`` at the end of the patience."""
        now = self._clock.time()
        most_s = min(BACKOFF_MOST_S, BACKOFF_FIRST_S * 2.0**tries.rounds)
        wait_s = (error.retry_after_s or 0.0) + most_s * random.random()  # noqa: S311 (jitter)
        left_s = tries.began + self._patience_s - now
        if left_s <= 0 or (error.retry_after_s or 0.0) > left_s:
            raise error
        wait_s = min(wait_s, left_s)
        tries.rounds += 1
        tries.may_pass = False
        tries.tried.clear()
        log.info("kimi_retry", code=error.code, wait_s=round(wait_s, 2), round=tries.rounds)
        if on_wait is not None:
            on_wait(error, wait_s)
        await self._clock.sleep(wait_s)

    def _correct(self, finished: Finished, request: ChatRequest, estimated: int, slot: Slot) -> None:
        """Take in what Kimi really counted for the prompt."""
        if finished.usage is None:
            return
        counted = finished.usage.prompt_tokens + request.max_completion_tokens
        slot.counted(counted)
        self._ratio = min(MOST_RATIO, max(self._ratio, counted / max(1, estimated)))
