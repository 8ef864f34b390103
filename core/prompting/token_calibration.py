"""Corrects token estimates near the edge of a model's context by the provider's own count."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, TypeAlias

import structlog

from core.kimi import ChatRequest, KimiEndpointMissing, KimiError, Message
from core.prompting.token_ratio import TokenRatios
from core.prompting.view import PromptView

log = structlog.get_logger(__name__)

EDGE_SHARE: Final = 0.1  #: an estimate this near to the maximum is not trusted
CAUTION_FACTOR: Final = 1.2  #: raises an estimate that Kimi refused, if the provider does not count
COUNT_TIMEOUT_S: Final = 5.0

CountTokens: TypeAlias = Callable[[ChatRequest], Awaitable[int]]
"""The provider's count of a request's tokens, :meth:`core.kimi.AsyncKimi.count_tokens`."""


class TokenCalibration:
    """Gives views a token ratio that can be relied on."""

    def __init__(self, token_ratios: TokenRatios, count_tokens: CountTokens | None) -> None:
        """Without ``count_tokens`` only the learnt ratios are used."""
        self._token_ratios = token_ratios
        self._count_tokens = count_tokens

    async def calibrate(self, view: PromptView, *, was_too_long: bool = False) -> PromptView:
        """Return the view, with a counted ratio if its prompt is near the edge of the context.

        Args:
            view: the conversation as the prompt shows it.
            was_too_long: Kimi refused the previous prompt as too long; then it is counted in any case.

        Raises:
            StoreUnavailable: the ratio cannot be stored.
        """
        counted_view = view if not view.question_too_long else replace(view, history=view.question_messages)
        share = counted_view.untrimmed_tokens / view.options.max_prompt_tokens
        if not was_too_long and not 1 - EDGE_SHARE <= share <= 1 + EDGE_SHARE:
            return view
        prompt = counted_view.untrimmed_prompt
        counted = await self._provider_count(counted_view, prompt.messages)
        if counted is None and not was_too_long:
            return view
        min_ratio = view.token_ratio * CAUTION_FACTOR if was_too_long else 0.0
        ratio = max(min_ratio, counted / prompt.estimated_tokens if counted else 0.0)
        await self._token_ratios.update_from_count(view.options.model.id, ratio)
        return replace(view, token_ratio=ratio)

    async def _provider_count(self, view: PromptView, messages: tuple[Message, ...]) -> int | None:
        """Return the provider's count; None if it cannot be had soon."""
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
