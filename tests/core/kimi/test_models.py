"""The models known by heart, and what is told about a wrong one."""

import re

import pytest

from core.kimi import (
    KNOWN_MODELS,
    RETIRED_MODELS,
    KimiModelUnknown,
    Model,
    built_in_models,
    check_model,
    nearest_model,
)
from core.kimi.models import parse_model


def test_a_model_that_is_served_is_fine() -> None:
    """Ids and models are taken alike; where a provider tells nothing, only the retired are refused."""
    check_model("kimi-k2.6", KNOWN_MODELS.values())
    check_model("own", ["own"])
    check_model("kimi-k2.5", built_in_models("https://api.acedata.cloud/kimi"))
    check_model("somebody-elses", ())


@pytest.mark.parametrize(
    ("wanted", "available", "told"),
    [
        (
            "moonshot-v1-8k",
            ["kimi-k3", "kimi-k2.6"],
            "moonshot-v1-8k was retired on 2026-08-31; nearest: kimi-k2.6; available: kimi-k2.6, kimi-k3",
        ),
        ("kimi-latest", [], "kimi-latest was retired on 2026-01-28; nearest: kimi-k2.6"),
        ("kimi-k2.66", ["kimi-k2.6"], "unknown model 'kimi-k2.66'; nearest: kimi-k2.6; available: kimi-k2.6"),
        ("gpt", ["kimi-k2.6"], "unknown model 'gpt'; available: kimi-k2.6"),
        (
            "kimi-k2.5",
            ["kimi-k3"],
            "kimi-k2.5 was retired on 2026-08-31; nearest: kimi-k3; available: kimi-k3",
        ),
    ],
)
def test_a_model_that_is_not_served_is_told_with_those_that_are(
    wanted: str, available: list[str], told: str
) -> None:
    """Since when it is gone, which one comes closest, and which there are."""
    with pytest.raises(KimiModelUnknown, match=f"^{re.escape(told)}$"):
        check_model(wanted, available)


def test_every_retired_model_names_a_living_one() -> None:
    """The two tables fit together."""
    assert {retired.replacement for retired in RETIRED_MODELS.values()} <= set(KNOWN_MODELS)
    assert not set(RETIRED_MODELS) & set(KNOWN_MODELS)
    assert nearest_model("kimi-k2-thinking", KNOWN_MODELS) == "kimi-k2.6"


@pytest.mark.parametrize(
    ("entry", "thinking", "efforts"),
    [
        ({}, "none", ()),
        ({"supports_reasoning": True}, "always", ()),
        ({"supports_reasoning": False, "supports_thinking_type": "both"}, "none", ()),
        ({"supports_thinking_type": "no"}, "none", ()),
        ({"supports_thinking_type": "both"}, "switch", ()),
        ({"supports_thinking_type": "only"}, "always", ()),
        (
            {
                "supports_thinking_type": "only",
                "think_efforts": {"support": True, "valid_efforts": ["low", "max"]},
            },
            "effort",
            ("low", "max"),
        ),
        ({"think_efforts": {"support": False, "valid_efforts": ["low"]}}, "none", ()),
    ],
)
def test_how_a_model_thinks_is_read_from_the_list(
    entry: dict[str, object], thinking: str, efforts: tuple[str, ...]
) -> None:
    """Old and new fields of the list are understood."""
    model = parse_model("new", {"context_length": 8192, **entry})
    assert (model.thinking_control, model.efforts, model.context_tokens) == (thinking, efforts, 8192)
    assert model.thinks is (thinking != "none")


def test_what_the_list_leaves_out_is_known() -> None:
    """A bare id of a known model is enough, and nonsense does not replace what is known."""
    assert parse_model("kimi-k3", {}) == KNOWN_MODELS["kimi-k3"]
    assert (
        parse_model("kimi-k3", {"context_length": "many", "supports_image_in": None})
        == KNOWN_MODELS["kimi-k3"]
    )
    assert parse_model("new", {}) == Model(id="new", context_tokens=0)


def test_only_ace_is_known_to_have_no_list() -> None:
    """The built-in table serves a provider that has no endpoint for it."""
    assert {"kimi-k2.5", "kimi-k3"} <= {
        model.id for model in built_in_models("https://api.acedata.cloud/kimi")
    }
    assert built_in_models("https://api.moonshot.cn/v1") == ()
