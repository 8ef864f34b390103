"""How far an estimate of tokens is trusted: near the edge of the context the provider counts itself."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from core.kimi import ChatRequest, KimiEndpointMissing, KimiError, Message
from core.prompting.token_ratio import Ratios
from core.prompting.view import View

log = structlog.get_logger(__name__)

EDGE = 0.1  #: this near to the end of the room an estimate is not trusted
CAUTION = 1.2  #: what an estimate is raised by where Kimi refused it and nobody counts
PATIENCE_S = 5.0  #: how long the provider's count is waited for

CountTokens = Callable[[ChatRequest], Awaitable[int]]


class Measure:
    """Gives views a ratio that can be relied on."""

    def __init__(self, ratios: Ratios, count_tokens: CountTokens | None) -> None:
        """``count_tokens`` is the provider's own count; None where it has none."""
        self._ratios = ratios
        self._count_tokens = count_tokens

    async def measured(self, view: View, *, refused: bool = False) -> View:
        """Return the view with a ratio that was counted where it is near the edge.

        ``refused`` says that Kimi found the last prompt too long: then it is counted in any case.

        Raises:
            StoreUnavailable: what was learnt could not be stored.
        """
        subject = view if not view.too_long else replace(view, lines=view.question)
        share = subject.wanted_tokens / view.terms.room_tokens
        if not refused and not 1 - EDGE <= share <= 1 + EDGE:
            return view
        whole = subject.whole
        counted = await self._counted(subject, whole.messages)
        least = view.ratio * CAUTION if refused else 0.0
        if counted is None and not refused:
            return view
        ratio = max(least, counted / whole.estimated_tokens if counted else 0.0)
        await self._ratios.measured(view.terms.model.id, ratio)
        return replace(view, ratio=ratio)

    async def _counted(self, view: View, messages: tuple[Message, ...]) -> int | None:
        """Return the provider's count; None where it cannot be had soon."""
        if self._count_tokens is None:
            return None
        request = ChatRequest(messages=messages, model=view.terms.model.id, max_completion_tokens=1)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._count_tokens(request)
        except KimiEndpointMissing:
            self._count_tokens = None  # this provider does not count: it is not asked again
        except (KimiError, TimeoutError) as exc:
            log.info("tokens_not_counted", error=type(exc).__name__)
        return None
