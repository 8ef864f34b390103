"""Which models there are: what the provider tells, kept for a while and used beyond that if need be."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from core.domain.clock import Clock
from core.kimi import KNOWN, KimiEndpointMissing, KimiError, Model

log = structlog.get_logger(__name__)

FRESH_S = 600.0  #: how long a list of models is used without asking again
RETRY_S = 60.0  #: after a provider could not be asked
PATIENCE_S = 3.0  #: how long a person who wants the list waits for a new one
UNKNOWN_CONTEXT_TOKENS = 131_072  #: for a model that neither the provider nor our table describes


class Catalogue:
    """The models of one provider."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[Sequence[Model]]],
        clock: Clock,
        *,
        fallback: Sequence[Model] = (),
    ) -> None:
        """``ask`` is ``GET /models``; ``fallback`` is for a provider that has no such endpoint."""
        self._ask = ask
        self._clock = clock
        self._fallback = tuple(fallback)
        self._models: tuple[Model, ...] = ()
        self._due_at = 0.0
        self._asking: asyncio.Task[tuple[Model, ...]] | None = None

    async def models(self) -> tuple[Model, ...]:
        """Ask the provider now, and return what it serves; empty where it does not tell.

        Raises:
            KimiError: it could not be asked; an older list stays in use.
        """
        try:
            models = tuple(await self._ask())
        except KimiEndpointMissing:
            models = self._fallback
        except KimiError as exc:
            self._due_at = self._clock.time() + RETRY_S
            log.info("models_unknown", code=exc.code)
            raise
        self._models = models
        self._due_at = self._clock.time() + FRESH_S
        return models

    async def served(self) -> tuple[Model, ...]:
        """Return what is served, asked for anew where the list is old; never waits for long."""
        if self._refresh() and self._asking is not None:
            # Not cancelled when time is up: the next one who wants the list finds it here.
            await asyncio.wait({self._asking}, timeout=PATIENCE_S)
        return self._models

    def find(self, model_id: str) -> Model | None:
        """Return one model by the list as it is; None where it is known not to be served.

        Waits for nothing; an old list is renewed in the background. Where the provider does not
        tell what it serves, every model is taken to be served.
        """
        self._refresh()
        listed = next((model for model in self._models if model.id == model_id), None)
        if listed is None and self._models:
            return None
        return described(listed or KNOWN.get(model_id) or Model(id=model_id, context_tokens=0))

    async def close(self) -> None:
        """End what is being asked."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    def _refresh(self) -> bool:
        """Begin to ask where the list is old; True while that is under way."""
        if self._asking is not None and not self._asking.done():
            return True
        if self._clock.time() < self._due_at:
            return False
        self._asking = asyncio.create_task(self.models(), name="models")
        self._asking.add_done_callback(_retrieve)
        return True


def described(model: Model) -> Model:
    """Return a model with a context to count with, where the provider does not tell it."""
    return model if model.context_tokens > 0 else replace(model, context_tokens=UNKNOWN_CONTEXT_TOKENS)


def _retrieve(asked: "asyncio.Task[tuple[Model, ...]]") -> None:
    """Take note of a failure that was logged already."""
    if not asked.cancelled():
        asked.exception()
