"""Which models there are: what the provider tells, kept for a while and used beyond that if need be."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from core.domain.clock import Clock
from core.kimi import KNOWN_MODELS, KimiEndpointMissing, KimiError, Model

log = structlog.get_logger(__name__)

MODELS_TTL_S = 600.0  #: how long a list of models is used without asking again
RETRY_AFTER_S = 60.0  #: after a provider could not be asked
REFRESH_TIMEOUT_S = 3.0  #: how long a person who wants the list waits for a new one
DEFAULT_CONTEXT_TOKENS = 131_072  #: for a model that neither the provider nor our table describes


class ModelCatalog:
    """The models of one provider."""

    def __init__(
        self,
        fetch_models: Callable[[], Awaitable[Sequence[Model]]],
        clock: Clock,
        *,
        fallback: Sequence[Model] = (),
    ) -> None:
        """``ask`` is ``GET /models``; ``fallback`` is for a provider that has no such endpoint."""
        self._fetch_models = fetch_models
        self._clock = clock
        self._fallback = tuple(fallback)
        self._models: tuple[Model, ...] = ()
        self._refresh_at = 0.0
        self._refreshing: asyncio.Task[tuple[Model, ...]] | None = None

    async def refresh(self) -> tuple[Model, ...]:
        """Ask the provider now, and return what it serves; empty where it does not tell.

        Raises:
            KimiError: it could not be asked; an older list stays in use.
        """
        try:
            models = tuple(await self._fetch_models())
        except KimiEndpointMissing:
            models = self._fallback
        except KimiError as exc:
            self._refresh_at = self._clock.time() + RETRY_AFTER_S
            log.info("kimi.models_unavailable", code=exc.code)
            raise
        self._models = models
        self._refresh_at = self._clock.time() + MODELS_TTL_S
        return models

    async def available_models(self) -> tuple[Model, ...]:
        """Return what is served, asked for anew where the list is old; never waits for long."""
        if self._start_refresh_if_stale() and self._refreshing is not None:
            # Not cancelled when time is up: the next one who wants the list finds it here.
            await asyncio.wait({self._refreshing}, timeout=REFRESH_TIMEOUT_S)
        return self._models

    def find(self, model_id: str) -> Model | None:
        """Return one model by the list as it is; None where it is known not to be served.

        Waits for nothing; an old list is renewed in the background. Where the provider does not
        tell what it serves, every model is taken to be served.
        """
        self._start_refresh_if_stale()
        listed = next((model for model in self._models if model.id == model_id), None)
        if listed is None and self._models:
            return None
        return with_default_context(
            listed or KNOWN_MODELS.get(model_id) or Model(id=model_id, context_tokens=0)
        )

    async def close(self) -> None:
        """End what is being asked."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    def _start_refresh_if_stale(self) -> bool:
        """Begin to ask where the list is old; True while that is under way."""
        if self._refreshing is not None and not self._refreshing.done():
            return True
        if self._clock.time() < self._refresh_at:
            return False
        self._refreshing = asyncio.create_task(self.refresh(), name="models")
        self._refreshing.add_done_callback(_consume_exception)
        return True


def with_default_context(model: Model) -> Model:
    """Return a model with a context to count with, where the provider does not tell it."""
    return model if model.context_tokens > 0 else replace(model, context_tokens=DEFAULT_CONTEXT_TOKENS)


def _consume_exception(refreshing: "asyncio.Task[tuple[Model, ...]]") -> None:
    """Take note of a failure that was logged already."""
    if not refreshing.cancelled():
        refreshing.exception()
