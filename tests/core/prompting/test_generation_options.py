"""Each model family is steered in its own way, and never asked for what it refuses."""

from dataclasses import replace

import pytest

from bots.simulator.kimi import KimiSimulator, answer_with
from bots.simulator.kimi.models import SERVED
from core.kimi import KNOWN_MODELS, AsyncKimi, ChatRequest, Message, Model, RetryPolicy
from core.prompting.generation_options import (
    THINKING_LEVELS,
    ThinkingParams,
    build_generation_options,
    least_thinking_level,
    thinking_levels,
    thinking_params,
    unavailable_model_text,
)

K3, K27, K26 = KNOWN_MODELS["kimi-k3"], KNOWN_MODELS["kimi-k2.7-code"], KNOWN_MODELS["kimi-k2.6"]
PLAIN = Model(id="kimi-plain", context_tokens=8_192)


@pytest.mark.parametrize(
    ("model", "level", "expected"),
    [
        (K26, "", ThinkingParams()),
        (K26, "on", ThinkingParams(thinking=True)),
        (K26, "off", ThinkingParams(thinking=False)),
        (K26, "high", None),
        (K27, "on", ThinkingParams()),
        (K27, "off", None),
        (K27, "max", None),
        (K3, "on", ThinkingParams()),
        (K3, "off", None),
        (K3, "low", ThinkingParams(effort="low")),
        (K3, "max", ThinkingParams(effort="max")),
        (K3, "hardest", None),
        (PLAIN, "off", ThinkingParams()),
        (PLAIN, "on", None),
        (replace(K26, efforts=("low",)), "low", ThinkingParams(effort="low")),
    ],
)
def test_each_family_is_steered_in_its_own_way(
    model: Model, level: str, expected: ThinkingParams | None
) -> None:
    """``thinking`` for those that can be switched, ``reasoning_effort`` for those that weigh."""
    assert thinking_params(model, level) == expected


def test_what_can_be_chosen_is_what_works() -> None:
    """The levels offered are those that the model can do, and the quietest is one of them."""
    assert (thinking_levels(K26), thinking_levels(K27), thinking_levels(K3)) == (
        ("off", "on"),
        ("on",),
        ("low", "high", "max", "on"),
    )
    assert (
        least_thinking_level(K26),
        least_thinking_level(K27),
        least_thinking_level(K3),
        least_thinking_level(PLAIN),
    ) == ("off", "", "low", "off")


async def test_the_strict_stand_in_takes_every_level_of_every_model() -> None:
    """Nothing that we send for any model and any level is refused."""
    async with (
        KimiSimulator(script=answer_with("Yes.", chunks_per_s=1000)) as simulator,
        AsyncKimi(api_key="sk-test", base_url=simulator.base_url, retry=RetryPolicy(max_attempts=1)) as kimi,
    ):
        models = await kimi.models()
        assert {model.id for model in models} == set(SERVED)
        for model in models:
            for level in ("", *THINKING_LEVELS):
                steered = build_generation_options(
                    model, reply_tokens=100, thinking_level=level
                ).thinking_params
                request = ChatRequest(
                    messages=(Message(role="user", content="Hi"),),
                    model=model.id,
                    max_completion_tokens=100,
                    thinking=steered.thinking,
                    reasoning_effort=steered.effort,
                )
                assert (await kimi.complete(request)).text == "Yes."
        assert simulator.refusals == []


def test_a_small_model_gives_half_of_its_context() -> None:
    """The reply's reservation never takes more than half, so that a question fits beside it."""
    terms = build_generation_options(PLAIN, reply_tokens=16_000, thinking_level="max")
    assert (terms.reply_tokens, terms.max_prompt_tokens, terms.thinking_level) == (4_096, 4_096, "")


def test_a_model_that_is_gone_is_told_in_the_asker_s_language() -> None:
    """The note names both models; where nothing is gone there is none."""
    terms = build_generation_options(K26, reply_tokens=100, unavailable_model="kimi-k2.5")
    assert "`kimi-k2.5` is no longer served, so `kimi-k2.6` answers." in unavailable_model_text(terms, "en")
    assert "`kimi-k2.5` 已不再提供" in unavailable_model_text(terms, "zh")
    assert unavailable_model_text(build_generation_options(K26, reply_tokens=100), "en") == ""
