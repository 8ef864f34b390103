"""How far an estimate of tokens is trusted: near the edge of the context the provider counts itself."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from core.kimi import ChatRequest, KimiEndpointMissing, KimiError, Message
from core.prompting.token_ratio import TokenRatios
from core.prompting.view import PromptView

log = structlog.get_logger(__name__)

EDGE_SHARE = 0.1  #: this near to the end of the room an estimate is not trusted
CAUTION_FACTOR = 1.2  #: what an estimate is raised by where Kimi refused it and nobody counts
COUNT_TIMEOUT_S = 5.0  #: how long the provider's count is waited for

CountTokens = Callable[[ChatRequest], Awaitable[int]]


class TokenCalibration:
    """Gives views a ratio that can be relied on."""

    def __init__(self, token_ratios: TokenRatios, count_tokens: CountTokens | None) -> None:
        """``count_tokens`` is the provider's own count; None where it has none."""
        self._token_ratios = token_ratios
        self._count_tokens = count_tokens

    async def calibrate(self, view: PromptView, *, was_too_long: bool = False) -> PromptView:
        """Return the view with a ratio that was counted where it is near the edge.

        ``refused`` says that Kimi found the last prompt too long: then it is counted in any case.

        Raises:
            StoreUnavailable: what was learnt could not be stored.
        """
        subject = view if not view.question_too_long else replace(view, history=view.question_messages)
        share = subject.untrimmed_tokens / view.options.max_prompt_tokens
        if not was_too_long and not 1 - EDGE_SHARE <= share <= 1 + EDGE_SHARE:
            return view
        whole = subject.untrimmed_prompt
        counted = await self._provider_count(subject, whole.messages)
        least = view.token_ratio * CAUTION_FACTOR if was_too_long else 0.0
        if counted is None and not was_too_long:
            return view
        ratio = max(least, counted / whole.estimated_tokens if counted else 0.0)
        await self._token_ratios.update_from_count(view.options.model.id, ratio)
        return replace(view, token_ratio=ratio)

    async def _provider_count(self, view: PromptView, messages: tuple[Message, ...]) -> int | None:
        """Return the provider's count; None where it cannot be had soon."""
        if self._count_tokens is None:
            return None
        request = ChatRequest(messages=messages, model=view.options.model.id, max_completion_tokens=1)
        try:
            async with asyncio.timeout(COUNT_TIMEOUT_S):
                return await self._count_tokens(request)
        except KimiEndpointMissing:
            self._count_tokens = None  # this provider does not count: it is not asked again
        except (KimiError, TimeoutError) as exc:
            log.info("kimi.token_count_failed", error=type(exc).__name__)
        return None
