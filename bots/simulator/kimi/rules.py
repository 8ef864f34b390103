"""What a chat completion request must look like. Pure: a body goes in, an order or a refusal out.

Source: the parameter table of the current models, calibrated by live probes where documents
and probes disagree. A text that nobody reported is in plain words.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from bots.simulator.kimi.messages import (
    Message,
    check_messages,
    estimate_tokens,
    over_limit,
    prefix_of,
)
from bots.simulator.kimi.models import ModelCard
from bots.simulator.kimi.refusal import Refused, invalid, model_not_found

Body: TypeAlias = Mapping[str, Any]

_TOOL_NAME = re.compile(r"[a-zA-Z_$][a-zA-Z0-9_-]{0,127}")
_MAX_TOOLS, _MAX_STOPS, _MAX_STOP_BYTES = 128, 5, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request that broke no rule."""

    model: ModelCard
    messages: Sequence[Message]
    stream: bool
    include_usage: bool
    thinking: bool
    max_completion_tokens: int
    prompt_tokens: int
    prefix: str | None  #: partial mode: the text to continue
    stops: tuple[str, ...]

    @property
    def counted_tokens(self) -> int:
        """What the limits count: the prompt and the completion that was asked for."""
        return self.prompt_tokens + self.max_completion_tokens


def read_order(body: object, models: Mapping[str, ModelCard]) -> Order:
    """Return the order that ``body`` (parsed JSON) gives.

    Raises:
        Refused: with the text of the first rule that is broken.
    """
    if not isinstance(body, dict):
        raise Refused(invalid("Invalid request: the body must be a JSON object"))
    model = model_of(body, models)
    thinking = _thinking(body, model)
    if model.family == "open":
        _check_ranges(body)
    else:
        _check_fixed(body, model, thinking=thinking)
    _check_tools(body)
    _check_tool_choice(body, model, thinking=thinking)
    _check_format(body)
    messages = check_messages(body.get("messages"), model=model, thinking=thinking)
    prefix = prefix_of(messages)
    if prefix is not None and (body.get("response_format") or {}).get("type") == "json_object":
        raise Refused(invalid("Invalid request: partial cannot be used with json_object"))
    prompt = estimate_tokens(messages)
    return Order(
        model=model,
        messages=messages,
        stream=_flag(body, "stream"),
        include_usage=_include_usage(body),
        thinking=thinking,
        max_completion_tokens=_completion_tokens(body, model, prompt),
        prompt_tokens=prompt,
        prefix=prefix,
        stops=_stops(body),
    )


def model_of(body: Body, models: Mapping[str, ModelCard]) -> ModelCard:
    """Return the card of the model that ``body`` names.

    Raises:
        Refused: none is named (400), or it is unknown or retired (404).
    """
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise Refused(invalid("Invalid request: model is required"))
    if name not in models:
        raise Refused(model_not_found(name))
    return models[name]


def _flag(body: Body, name: str) -> bool:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Refused(invalid(f"Invalid request: {name} must be a boolean"))


def _include_usage(body: Body) -> bool:
    options = body.get("stream_options")
    if options is None:
        return False
    if not isinstance(options, dict):
        raise Refused(invalid("Invalid request: stream_options must be an object"))
    return _flag(options, "include_usage")


def _completion_tokens(body: Body, model: ModelCard, prompt_tokens: int) -> int:
    """Return the asked or the default size of the reply; together with the prompt it must fit."""
    asked = body.get("max_completion_tokens")
    if asked is None:
        asked = body.get("max_tokens")  # the deprecated name
    if asked is None:
        asked = min(model.default_completion_tokens, max(1, model.context_tokens - prompt_tokens))
    if isinstance(asked, bool) or not isinstance(asked, int) or asked < 1:
        raise Refused(invalid("Invalid request: max_completion_tokens must be a positive integer"))
    if prompt_tokens + asked > model.context_tokens:
        raise Refused(over_limit(model, prompt_tokens + asked))
    return asked


def _thinking(body: Body, model: ModelCard) -> bool:
    """Return whether the model thinks about this request."""
    _check_effort(body, model)
    thinking = body.get("thinking")
    if thinking is not None and not isinstance(thinking, dict):
        kind = "bool" if isinstance(thinking, bool) else type(thinking).__name__
        text = "the thinking field in the request (expected type object) is illegal"
        raise Refused(invalid(f"Invalid request: {text}, and {kind} is not acceptable"))
    if not thinking or model.family in ("k3", "open"):  # K3 ignores the field
        return model.thinking != "no"
    kind, keep = thinking.get("type", "enabled"), thinking.get("keep")
    if model.thinking == "only" and kind != "enabled":
        raise Refused(invalid("invalid thinking: only type=enabled is allowed for this model"))
    if kind not in ("enabled", "disabled"):
        raise Refused(invalid("invalid thinking: type must be enabled or disabled"))
    if keep not in (None, "all"):
        raise Refused(invalid("invalid thinking: keep must be null or all"))
    return bool(kind == "enabled")


def _check_effort(body: Body, model: ModelCard) -> None:
    effort = body.get("reasoning_effort")
    if effort is None:
        return
    if not isinstance(effort, str):
        raise Refused(invalid("Invalid request: reasoning_effort must be a string"))
    if not model.efforts:  # documented as not supported; refused here so that nobody relies on it
        raise Refused(invalid("invalid reasoning_effort: not supported by this model"))


def _check_fixed(body: Body, model: ModelCard, *, thinking: bool) -> None:
    """Sampling is fixed: an explicit value passes only where it is the model's own."""
    fixed = {
        "temperature": model.temperature(thinking=thinking),
        "top_p": 0.95,
        "n": 1,
        "presence_penalty": 0,
        "frequency_penalty": 0,
    }
    for name, only in fixed.items():
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or value != only):
            raise Refused(invalid(f"invalid {name}: only {only:g} is allowed for this model"))
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        text = "logprobs must be set to true if top_logprobs is used"
        raise Refused(invalid(f"Invalid request: {text}"))
    if body.get("logprobs") and model.family == "k3":
        raise Refused(invalid("invalid logprobs: only false is allowed for this model"))


def _check_ranges(body: Body) -> None:
    """Ace Data Cloud's schema for its older models."""
    for name, low, high in (("temperature", 0, 2), ("n", 1, 128)):
        value = body.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Refused(invalid(f"invalid {name}: must be between {low} and {high}"))


def _stops(body: Body) -> tuple[str, ...]:
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop
    if stops is None:
        return ()
    if not isinstance(stops, list) or not all(isinstance(item, str) and item for item in stops):
        raise Refused(invalid("Invalid request: stop must be a string or an array of strings"))
    if len(stops) > _MAX_STOPS or any(len(item.encode()) > _MAX_STOP_BYTES for item in stops):
        text = f"stop takes at most {_MAX_STOPS} strings of {_MAX_STOP_BYTES} bytes"
        raise Refused(invalid(f"Invalid request: {text}"))
    return tuple(stops)


def _check_tools(body: Body) -> None:
    if body.get("functions") is not None:
        raise Refused(invalid("Invalid request: functions is not supported, use tools"))
    tools = body.get("tools")
    if tools is None:
        return
    if not isinstance(tools, list) or len(tools) > _MAX_TOOLS:
        raise Refused(invalid(f"Invalid request: tools must be an array of at most {_MAX_TOOLS}"))
    names: set[str] = set()
    for tool in tools:
        match tool:
            case {"type": "function" | "builtin_function", "function": {"name": str(name)}}:
                pass
            case _:
                raise Refused(invalid("Invalid request: a tool must be a function with a name"))
        if not _TOOL_NAME.fullmatch(name):
            raise Refused(invalid(f"Invalid request: function name is invalid: {name}"))
        if name in names:
            raise Refused(invalid(f"Invalid request: function name {name} is duplicated"))
        names.add(name)


def _check_tool_choice(body: Body, model: ModelCard, *, thinking: bool) -> None:
    choice = body.get("tool_choice")
    if choice in (None, "auto", "none"):
        return
    if choice == "required":
        if model.family != "k3":
            raise Refused(invalid("tool_choice 'required' is not supported by this model"))
        if not body.get("tools"):
            raise Refused(invalid("Invalid request: tool_choice 'required' needs tools"))
        return
    if not isinstance(choice, dict):
        raise Refused(invalid("Invalid request: unknown tool_choice"))
    if thinking:
        raise Refused(invalid("tool_choice 'specified' is incompatible with thinking enabled"))


def _check_format(body: Body) -> None:
    match body.get("response_format"):
        case None | {"type": "text" | "json_object"}:
            return
        case {"type": "json_schema", "json_schema": {"name": str(), "schema": dict()} as schema}:
            if not isinstance(schema.get("strict", True), bool):
                raise Refused(invalid("Invalid request: response_format strict must be a boolean"))
        case _:
            raise Refused(invalid("Invalid request: response_format is invalid"))
