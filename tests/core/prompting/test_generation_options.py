"""Each model family is steered in its own way, and never asked for what it refuses."""

from dataclasses import replace

import pytest

from bots.simulator.kimi import KimiSimulator, answer_with
from bots.simulator.kimi.models import SERVED
from core.kimi import KNOWN, AsyncKimi, ChatRequest, Message, Model, RetryPolicy
from core.prompting.generation_options import LEVELS, Steering, gone_note, levels, make_terms, quiet, steering

K3, K27, K26 = KNOWN["kimi-k3"], KNOWN["kimi-k2.7-code"], KNOWN["kimi-k2.6"]
PLAIN = Model(id="kimi-plain", context_tokens=8_192)


@pytest.mark.parametrize(
    ("model", "level", "expected"),
    [
        (K26, "", Steering()),
        (K26, "on", Steering(thinking=True)),
        (K26, "off", Steering(thinking=False)),
        (K26, "high", None),
        (K27, "on", Steering()),
        (K27, "off", None),
        (K27, "max", None),
        (K3, "on", Steering()),
        (K3, "off", None),
        (K3, "low", Steering(effort="low")),
        (K3, "max", Steering(effort="max")),
        (K3, "hardest", None),
        (PLAIN, "off", Steering()),
        (PLAIN, "on", None),
        (replace(K26, efforts=("low",)), "low", Steering(effort="low")),
    ],
)
def test_each_family_is_steered_in_its_own_way(model: Model, level: str, expected: Steering | None) -> None:
    """``thinking`` for those that can be switched, ``reasoning_effort`` for those that weigh."""
    assert steering(model, level) == expected


def test_what_can_be_chosen_is_what_works() -> None:
    """The levels offered are those that the model can do, and the quietest is one of them."""
    assert (levels(K26), levels(K27), levels(K3)) == (("off", "on"), ("on",), ("low", "high", "max", "on"))
    assert (quiet(K26), quiet(K27), quiet(K3), quiet(PLAIN)) == ("off", "", "low", "off")


async def test_the_strict_stand_in_takes_every_level_of_every_model() -> None:
    """Nothing that we send for any model and any level is refused."""
    async with (
        KimiSimulator(script=answer_with("Yes.", chunks_per_s=1000)) as simulator,
        AsyncKimi(api_key="sk-test", base_url=simulator.base_url, retry=RetryPolicy(max_attempts=1)) as kimi,
    ):
        models = await kimi.models()
        assert {model.id for model in models} == set(SERVED)
        for model in models:
            for level in ("", *LEVELS):
                steered = make_terms(model, reply_tokens=100, level=level).steering
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
    terms = make_terms(PLAIN, reply_tokens=16_000, level="max")
    assert (terms.reply_tokens, terms.room_tokens, terms.level) == (4_096, 4_096, "")


def test_a_model_that_is_gone_is_told_in_the_asker_s_language() -> None:
    """The note names both models; where nothing is gone there is none."""
    terms = make_terms(K26, reply_tokens=100, gone="kimi-k2.5")
    assert "`kimi-k2.5` is no longer served, so `kimi-k2.6` answers." in gone_note(terms, "en")
    assert "`kimi-k2.5` 已不再提供" in gone_note(terms, "zh")
    assert gone_note(make_terms(K26, reply_tokens=100), "en") == ""
