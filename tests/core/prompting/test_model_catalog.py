"""The list of models is kept for a while, and used beyond that where the provider fails."""

import asyncio
from collections.abc import Sequence

import pytest

from core.kimi import KNOWN_MODELS, KimiEndpointMissing, KimiError, KimiUnavailable, Model
from core.prompting.generation_options import thinking_levels
from core.prompting.model_catalog import DEFAULT_CONTEXT_TOKENS, MODELS_TTL_S, RETRY_AFTER_S, ModelCatalog

K3, K26 = KNOWN_MODELS["kimi-k3"], KNOWN_MODELS["kimi-k2.6"]


class Now:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def time(self) -> float:
        """Return the time."""
        return self.at

    async def sleep(self, delay_s: float) -> None:
        """Let time pass."""
        self.at += delay_s


class Provider:
    """Serves a list of models, or fails."""

    def __init__(self, *models: Model) -> None:
        self.models: Sequence[Model] = models
        self.error: KimiError | None = None
        self.asked = 0

    async def __call__(self) -> Sequence[Model]:
        """Answer once more."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.models


async def test_a_list_is_asked_for_once_while_it_is_fresh() -> None:
    """Many who want the list at once make one call, and later ones none until it is old."""
    provider, clock = Provider(K3), Now()
    catalogue = ModelCatalog(provider, clock)
    assert await asyncio.gather(catalogue.available_models(), catalogue.available_models()) == [(K3,), (K3,)]
    clock.at += MODELS_TTL_S - 1
    assert catalogue.find("kimi-k3") == K3
    assert provider.asked == 1
    provider.models = (K26,)
    clock.at += 2
    assert await catalogue.available_models() == (K26,)
    assert provider.asked == 2


@pytest.mark.parametrize(
    ("model", "refused", "levels"),
    [
        ("kimi-k2.6", (), ("off", "on")),
        ("kimi-k2.6", ("thinking",), ("on",)),
        ("kimi-k2.6", ("prompt_cache_key",), ("off", "on")),
        ("kimi-k3", ("thinking",), ("low", "high", "max", "on")),
        ("kimi-k3", ("reasoning_effort",), ("on",)),
        ("kimi-k2.7-code", ("thinking", "reasoning_effort"), ("on",)),
    ],
)
async def test_a_choice_that_the_provider_refuses_is_not_offered(
    model: str, refused: tuple[str, ...], levels: tuple[str, ...]
) -> None:
    """What is left of the model's thinking is what its host takes."""
    provider = Provider(*KNOWN_MODELS.values())
    catalogue = ModelCatalog(provider, Now(), refused_fields=lambda _: refused)
    await catalogue.available_models()
    found = catalogue.find(model)
    assert found is not None
    assert found.thinks
    assert thinking_levels(found) == levels


async def test_an_old_list_serves_while_the_provider_fails() -> None:
    """A failure leaves the list in use and is not repeated at once."""
    provider, clock = Provider(K3), Now()
    catalogue = ModelCatalog(provider, clock)
    await catalogue.available_models()
    provider.error = KimiUnavailable("down")
    clock.at += MODELS_TTL_S + 1
    assert await catalogue.available_models() == (K3,)
    assert await catalogue.available_models() == (K3,)
    assert provider.asked == 2
    clock.at += RETRY_AFTER_S + 1
    provider.error = None
    await catalogue.available_models()
    assert provider.asked == 3


async def test_nobody_waits_for_a_list_to_answer_a_question() -> None:
    """Looking a model up uses the list as it is and renews it behind."""
    provider, clock = Provider(K3), Now()
    catalogue = ModelCatalog(provider, clock)
    await catalogue.available_models()
    provider.models = (K26,)
    clock.at += MODELS_TTL_S + 1
    assert catalogue.find("kimi-k3") == K3
    await catalogue.available_models()
    assert catalogue.find("kimi-k3") is None
    await catalogue.close()


async def test_a_provider_without_a_list_has_the_built_in_one() -> None:
    """Where there is no endpoint, what is known of the provider counts."""
    provider = Provider()
    provider.error = KimiEndpointMissing("no such endpoint")
    assert await ModelCatalog(provider, Now(), fallback=(K26,)).refresh() == (K26,)
    unknown = ModelCatalog(provider, Now())
    assert await unknown.refresh() == ()
    assert unknown.find("kimi-k3") == K3
    made_up = unknown.find("somebody-s-model")
    assert made_up is not None
    assert made_up.context_tokens == DEFAULT_CONTEXT_TOKENS


async def test_whoever_asks_at_the_start_is_told_of_failures() -> None:
    """The first list is asked for openly: a refused key must stop the start."""
    provider = Provider()
    provider.error = KimiUnavailable("down")
    with pytest.raises(KimiUnavailable):
        await ModelCatalog(provider, Now()).refresh()
