"""Kimi's models: built-in descriptions, retired models, and the list that a provider serves.

Facts as of November 2026 from Moonshot's model pages; ``GET /models`` overrules them if it exists.
"""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, TypeAlias

from core.kimi.api_errors import KimiEndpointMissing, KimiModelUnknown
from core.kimi.json_decoding import decode_json
from core.kimi.model_retirement import Retirement, parse_retirement

ThinkingControl: TypeAlias = Literal["none", "switch", "always", "effort"]
"""How thinking is controlled: "none" does not think; "switch" by ``thinking``; "always" cannot be
changed; "effort" always thinks, as hard as ``reasoning_effort`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model and its capabilities."""

    id: str
    context_tokens: int  #: prompt and reply together
    supports_images: bool = False
    supports_video: bool = False
    thinking_control: ThinkingControl = "none"
    efforts: tuple[str, ...] = ()  #: values of ``reasoning_effort``, the least first
    retirement: Retirement | None = None  #: the end that the provider has announced

    @property
    def thinks(self) -> bool:
        """Whether the model can think before it answers."""
        return self.thinking_control != "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetiredModel:
    """A model that Moonshot no longer serves."""

    since: date
    replacement: str  #: the nearest model that is served


_K3_CONTEXT = 1_048_576
_K2_CONTEXT = 262_144
_EFFORTS = ("low", "high", "max")


def _k3(model_id: str, *, supports_video: bool) -> Model:
    return Model(
        id=model_id,
        context_tokens=_K3_CONTEXT,
        supports_images=True,
        supports_video=supports_video,
        thinking_control="effort",
        efforts=_EFFORTS,
    )


def _k2(model_id: str, thinking_control: ThinkingControl) -> Model:
    return Model(
        id=model_id,
        context_tokens=_K2_CONTEXT,
        supports_images=True,
        supports_video=True,
        thinking_control=thinking_control,
    )


def _text_model(model_id: str, context_tokens: int, thinking_control: ThinkingControl = "none") -> Model:
    return Model(id=model_id, context_tokens=context_tokens, thinking_control=thinking_control)


#: Models that Moonshot serves, newest first. Video input of K3.1 is not confirmed.
KNOWN_MODELS: Mapping[str, Model] = {
    model.id: model
    for model in (
        _k3("kimi-k3.1-pro", supports_video=False),
        _k3("kimi-k3.1-pro-highspeed", supports_video=False),
        _k3("kimi-k3", supports_video=True),
        _k2("kimi-k2.7-code", "always"),
        _k2("kimi-k2.7-code-highspeed", "always"),
        _k2("kimi-k2.6", "switch"),
    )
}

_RETIRED_IN_AUGUST = date(2026, 8, 31)
_RETIRED_IN_MAY = date(2026, 5, 25)

#: Models that Moonshot answers with 404. Other providers may still serve them.
RETIRED_MODELS: Mapping[str, RetiredModel] = {
    **{
        model_id: RetiredModel(since=_RETIRED_IN_AUGUST, replacement="kimi-k2.6")
        for model_id in (
            "kimi-k2.5",
            "moonshot-v1-8k",
            "moonshot-v1-32k",
            "moonshot-v1-128k",
            "moonshot-v1-auto",
            "moonshot-v1-8k-vision-preview",
            "moonshot-v1-32k-vision-preview",
            "moonshot-v1-128k-vision-preview",
        )
    },
    **{
        model_id: RetiredModel(since=_RETIRED_IN_MAY, replacement="kimi-k2.6")
        for model_id in (
            "kimi-k2-0711-preview",
            "kimi-k2-0905-preview",
            "kimi-k2-turbo-preview",
            "kimi-k2-thinking",
            "kimi-k2-thinking-turbo",
        )
    },
    "kimi-latest": RetiredModel(since=date(2026, 1, 28), replacement="kimi-k2.6"),
    "kimi-thinking-preview": RetiredModel(since=date(2025, 11, 11), replacement="kimi-k2.6"),
}

#: What Ace Data Cloud lists; it has no ``GET /models``.
ACE_MODELS: tuple[Model, ...] = (
    KNOWN_MODELS["kimi-k3"],
    KNOWN_MODELS["kimi-k2.6"],
    _k2("kimi-k2.5", "switch"),
    _text_model("kimi-k2-thinking-turbo", _K2_CONTEXT, "always"),
    _text_model("kimi-k2-thinking", _K2_CONTEXT, "always"),
    _text_model("kimi-k2-instruct-0905", _K2_CONTEXT),
    _text_model("kimi-k2-0905-preview", _K2_CONTEXT),
    _text_model("kimi-k2-turbo-preview", _K2_CONTEXT),
    _text_model("kimi-k2-0711-preview", 131_072),
)


def built_in_models(base_url: str) -> tuple[Model, ...]:
    """Return the models of a provider without ``GET /models``; empty if they are unknown."""
    return ACE_MODELS if "acedata.cloud" in base_url else ()


def check_model(model_id: str, available: Iterable[Model | str]) -> None:
    """Check that a model is among ``available`` (models or their ids).

    If that is empty, because the provider has no list, only models that Moonshot retired are refused.

    Raises:
        KimiModelUnknown: it is not; the text says since when it is retired, which one is
            nearest, and which are available.
    """
    ids = sorted(item if isinstance(item, str) else item.id for item in available)
    retired = RETIRED_MODELS.get(model_id)
    if model_id in ids or (not ids and retired is None):
        return
    fault = f"unknown model {model_id!r}" if retired is None else f"{model_id} was retired on {retired.since}"
    instead = nearest_model(model_id, ids)
    hint = f"; nearest: {instead}" if instead else ""
    listed = f"; available: {', '.join(ids)}" if ids else ""
    raise KimiModelUnknown(fault + hint + listed)


def replacement_for(model_id: str, available: Iterable[Model]) -> str | None:
    """Return the model to set instead of one that is not served, or that its provider retires.

    The successor that the provider names comes first, then the model with the most similar id that is to
    stay; None if there is none.
    """
    models = list(available)
    announced = next((one.retirement for one in models if one.id == model_id), None)
    if announced is not None and announced.successor:
        return announced.successor
    return nearest_model(model_id, [one.id for one in models if one.retirement is None])


def nearest_model(model_id: str, available: Iterable[str]) -> str | None:
    """Return the available model with the most similar id; None if none is similar."""
    ids = list(available)
    retired = RETIRED_MODELS.get(model_id)
    if retired is not None and (not ids or retired.replacement in ids):
        return retired.replacement
    close = difflib.get_close_matches(model_id, ids, n=1, cutoff=0.5)
    return close[0] if close else None


def parse_models(body: bytes, *, request_id: str = "") -> tuple[Model, ...]:
    """Return the models in the body of ``GET /models``.

    Raises:
        KimiEndpointMissing: the body is something else.
    """
    try:
        listed = decode_json(body)
    except ValueError:
        listed = None
    match listed:
        case {"data": [*entries]}:
            return tuple(
                parse_model(entry["id"], entry)
                for entry in entries
                if isinstance(entry, dict) and isinstance(entry.get("id"), str)
            )
        case _:
            raise KimiEndpointMissing("something else than a list of models", request_id=request_id)


def parse_model(model_id: str, entry: Mapping[str, Any]) -> Model:
    """Return the model of one entry of ``GET /models``, completed from :data:`KNOWN_MODELS`."""
    model = KNOWN_MODELS.get(model_id) or Model(id=model_id, context_tokens=0)
    context = entry.get("context_length")
    if isinstance(context, int) and context > 0:
        model = replace(model, context_tokens=context)
    if isinstance(pictures := entry.get("supports_image_in"), bool):
        model = replace(model, supports_images=pictures)
    if isinstance(video := entry.get("supports_video_in"), bool):
        model = replace(model, supports_video=video)
    efforts = _parse_efforts(entry.get("think_efforts")) or model.efforts
    return replace(
        model,
        thinking_control=_parse_thinking_control(entry, model, efforts),
        efforts=efforts,
        retirement=parse_retirement(entry),
    )


def _parse_efforts(value: object) -> tuple[str, ...]:
    match value:
        case {"support": False}:
            return ()
        case {"valid_efforts": [*efforts]}:
            return tuple(effort for effort in efforts if isinstance(effort, str))
        case _:
            return ()


def _parse_thinking_control(
    entry: Mapping[str, Any], model: Model, efforts: tuple[str, ...]
) -> ThinkingControl:
    if entry.get("supports_reasoning") is False or entry.get("supports_thinking_type") == "no":
        return "none"
    match entry.get("supports_thinking_type"):
        case "both":
            return "switch"
        case "only":
            return "effort" if efforts else "always"
        case _ if model.thinks:
            return model.thinking_control
        case _:
            return "always" if entry.get("supports_reasoning") is True else "none"
