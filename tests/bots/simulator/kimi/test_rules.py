from typing import Any

import pytest

from bots.simulator.kimi.models import ACE_SERVED, RETIRED, SERVED
from bots.simulator.kimi.refusal import Refused
from bots.simulator.kimi.rules import read_order

K26, K3, CODE = "kimi-k2.6", "kimi-k3", "kimi-k2.7-code"
OFF = {"thinking": {"type": "disabled"}}


def refused(body: object, *, ace: bool = False) -> tuple[int, str, str]:
    """Return (status, type, message) of the refusal of ``body``."""
    with pytest.raises(Refused) as caught:
        read_order(body, ACE_SERVED if ace else SERVED)
    refusal = caught.value.refusal
    return refusal.status, refusal.type, refusal.message


def body(model: str = K26, **fields: Any) -> dict[str, Any]:
    """Return a short body with ``fields``."""
    return {"model": model, "messages": [{"role": "user", "content": "Hi"}]} | fields


@pytest.mark.parametrize("model", [*sorted(RETIRED), "gpt-5"])
def test_a_retired_or_unknown_model_is_not_found(model: str) -> None:
    """A model that is not served is a 404 that names it."""
    text = f"Not found the model {model} or Permission denied"
    assert refused(body(model)) == (404, "resource_not_found_error", text)


@pytest.mark.parametrize("model", sorted(SERVED))
def test_a_plain_request_passes_on_every_model(model: str) -> None:
    """Nothing but a model and a message is needed; thinking is on by default."""
    order = read_order(body(model), SERVED)

    assert order.thinking
    assert order.max_completion_tokens == SERVED[model].default_completion_tokens


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"temperature": 0.3}, "invalid temperature: only 1 is allowed for this model"),
        ({"temperature": 1, **OFF}, "invalid temperature: only 0.6 is allowed for this model"),
        ({"top_p": 1}, "invalid top_p: only 0.95 is allowed for this model"),
        ({"n": 2}, "invalid n: only 1 is allowed for this model"),
        ({"presence_penalty": 0.5}, "invalid presence_penalty: only 0 is allowed for this model"),
        ({"frequency_penalty": 1}, "invalid frequency_penalty: only 0 is allowed for this model"),
        (
            {"top_logprobs": 2},
            "Invalid request: logprobs must be set to true if top_logprobs is used",
        ),
        (
            {"model": K3, "logprobs": True},
            "invalid logprobs: only false is allowed for this model",
        ),
        (
            {"thinking": True},
            (
                "Invalid request: the thinking field in the request (expected type object) is illegal, "
                "and bool is not acceptable"
            ),
        ),
        (
            {"model": CODE, **OFF},
            "invalid thinking: only type=enabled is allowed for this model",
        ),
        ({"thinking": {"type": "auto"}}, "invalid thinking: type must be enabled or disabled"),
        ({"thinking": {"type": "enabled", "keep": "some"}}, "invalid thinking: keep must be null or all"),
        ({"reasoning_effort": "low"}, "invalid reasoning_effort: not supported by this model"),
        (
            {"model": K3, "tool_choice": {"type": "function", "function": {"name": "f"}}},
            "tool_choice 'specified' is incompatible with thinking enabled",
        ),
        ({"tool_choice": "required"}, "tool_choice 'required' is not supported by this model"),
        (
            {"model": K3, "tool_choice": "required", "tools": []},
            "Invalid request: tool_choice 'required' needs tools",
        ),
        ({"messages": []}, "Invalid request: messages must be a non-empty array"),
        (
            {"max_completion_tokens": 0},
            "Invalid request: max_completion_tokens must be a positive integer",
        ),
        ({"stop": ["x" * 33]}, "Invalid request: stop takes at most 5 strings of 32 bytes"),
        ({"stop": list("abcdef")}, "Invalid request: stop takes at most 5 strings of 32 bytes"),
        ({"response_format": {"type": "yaml"}}, "Invalid request: response_format is invalid"),
        ({"stream": "yes"}, "Invalid request: stream must be a boolean"),
        ({"functions": []}, "Invalid request: functions is not supported, use tools"),
    ],
)
def test_a_parameter_that_breaks_a_rule_is_named(fields: dict[str, Any], text: str) -> None:
    """A refused parameter is a 400 in the service's words."""
    assert refused(body() | fields) == (400, "invalid_request_error", text)


def test_the_models_own_values_may_be_said() -> None:
    """Sampling parameters pass where they are what the model uses anyway."""
    own = {"top_p": 0.95, "n": 1, "presence_penalty": 0, "frequency_penalty": 0.0}

    assert read_order(body(temperature=1.0, **own), SERVED).thinking
    assert not read_order(body(temperature=0.6, **own, **OFF), SERVED).thinking


def test_k3_ignores_the_thinking_field_and_takes_any_effort() -> None:
    """K3 always thinks, and does not refuse what it does not know there."""
    order = read_order(body(K3, reasoning_effort="ultra", **OFF), SERVED)

    assert order.thinking


def test_two_tools_of_one_name_are_refused() -> None:
    """A function's name stands once."""
    tool = {"type": "function", "function": {"name": "look"}}

    assert refused(body(tools=[tool, tool]))[2] == "Invalid request: function name look is duplicated"


def test_prompt_and_completion_must_fit_into_the_context() -> None:
    """The refusal names the limit and the sum that was asked for."""
    assert refused(body(max_completion_tokens=262_144)) == (
        400,
        "invalid_request_error",
        "Invalid request: Your request exceeded model token limit: 262144 (requested: 262145)",
    )


def test_a_long_prompt_is_refused_by_itself() -> None:
    """Where nothing is asked for, the default shrinks until the prompt alone is too long."""
    fits = [{"role": "user", "content": "x" * 3 * 262_000}]
    assert read_order(body(messages=fits), SERVED).max_completion_tokens == 144

    too_long = [{"role": "user", "content": "x" * 3 * 262_144}]
    assert "(requested: 262145)" in refused(body(messages=too_long))[2]


def test_the_deprecated_name_counts_where_the_new_one_is_missing() -> None:
    """``max_tokens`` is read, and ``max_completion_tokens`` goes before it."""
    assert read_order(body(max_tokens=7), SERVED).max_completion_tokens == 7
    assert read_order(body(max_tokens=7, max_completion_tokens=9), SERVED).max_completion_tokens == 9


def test_ace_still_serves_what_moonshot_retired() -> None:
    """On Ace Data Cloud the older models take any temperature from 0 to 2."""
    order = read_order(body("kimi-k2.5", temperature=0.3), ACE_SERVED)

    assert order.model.id == "kimi-k2.5"
    assert refused(body("kimi-k2.5", temperature=3), ace=True)[0] == 400
