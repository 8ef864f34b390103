"""The models that the provider serves, cached; an old list is used while a new one cannot be had."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

import structlog

from core.domain.clock import Clock
from core.kimi import KNOWN_MODELS, KimiEndpointMissing, KimiError, Model
from core.kimi.models import ThinkingControl

log = structlog.get_logger(__name__)

MODELS_TTL_S: Final = 600.0
RETRY_AFTER_S: Final = 60.0  #: after a provider could not be asked
REFRESH_TIMEOUT_S: Final = 3.0  #: how long a person who wants the list waits for a new one
DEFAULT_CONTEXT_TOKENS: Final = 131_072  #: for a model that neither the provider nor our table describes


def _nothing_refused(_: str) -> Collection[str]:
    return ()


class ModelCatalog:
    """The models of one provider."""

    def __init__(
        self,
        fetch_models: Callable[[], Awaitable[Sequence[Model]]],
        clock: Clock,
        *,
        fallback: Sequence[Model] = (),
        refused_fields: Callable[[str], Collection[str]] = _nothing_refused,
    ) -> None:
        """Cache the list that ``fetch_models`` returns.

        Args:
            fetch_models: :meth:`core.kimi.AsyncKimi.models`.
            clock: measures the age of the list.
            fallback: the list of a provider without that endpoint.
            refused_fields: returns the request fields that the provider does not take for a model.
        """
        self._fetch_models = fetch_models
        self._clock = clock
        self._fallback = tuple(fallback)
        self._refused_fields = refused_fields
        self._models: tuple[Model, ...] = ()
        self._refresh_at = 0.0
        self._refreshing: asyncio.Task[tuple[Model, ...]] | None = None

    async def refresh(self) -> tuple[Model, ...]:
        """Fetch the list and return it; empty if the provider has none and there is no fallback.

        Raises:
            KimiError: it cannot be fetched; an older list stays in use.
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
        """Return the list, fetched again if it is old; waits :data:`REFRESH_TIMEOUT_S` at most."""
        if self._start_refresh_if_stale() and self._refreshing is not None:
            # Not cancelled on timeout: the next caller finds the list here.
            await asyncio.wait({self._refreshing}, timeout=REFRESH_TIMEOUT_S)
        return self._models

    def find(self, model_id: str) -> Model | None:
        """Return a model by the cached list; None if it is known not to be served.

        Does not wait: an old list is fetched again in the background. If the provider has no list,
        every model is taken to be served.
        """
        self._start_refresh_if_stale()
        listed = next((model for model in self._models if model.id == model_id), None)
        if listed is None and self._models:
            return None
        model = listed or KNOWN_MODELS.get(model_id) or Model(id=model_id, context_tokens=0)
        return with_default_context(without_refused_thinking(model, self._refused_fields(model_id)))

    async def close(self) -> None:
        """Cancel a fetch that is under way."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)

    def _start_refresh_if_stale(self) -> bool:
        """Begin to fetch the list if it is old; return whether a fetch is under way."""
        if self._refreshing is not None and not self._refreshing.done():
            return True
        if self._clock.time() < self._refresh_at:
            return False
        self._refreshing = asyncio.create_task(self.refresh(), name="models")
        self._refreshing.add_done_callback(_consume_exception)
        return True


def with_default_context(model: Model) -> Model:
    """Return the model with a default context size if the provider does not tell it."""
    return model if model.context_tokens > 0 else replace(model, context_tokens=DEFAULT_CONTEXT_TOKENS)


def without_refused_thinking(model: Model, refused_fields: Collection[str]) -> Model:
    """Return the model without the controls of its thinking that the provider does not take.

    A gateway such as LiteLLM refuses ``thinking``: the model thinks as it does by default, and nobody is
    offered a choice that would have no effect.
    """
    switch = model.thinking_control == "switch" and "thinking" not in refused_fields
    efforts = () if "reasoning_effort" in refused_fields else model.efforts
    if not model.thinks or (switch and efforts == model.efforts):
        return model
    if model.thinking_control == "effort" and efforts:
        return model
    control: ThinkingControl = "switch" if switch else "effort" if efforts else "always"
    return replace(model, thinking_control=control, efforts=efforts)


def _consume_exception(refreshing: "asyncio.Task[tuple[Model, ...]]") -> None:
    """Mark a failure as seen; :meth:`ModelCatalog.refresh` has logged it."""
    if not refreshing.cancelled():
        refreshing.exception()
