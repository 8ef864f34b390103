"""The catalogue: which models the stand-ins serve, and what each of them accepts.

Source: the models of autumn 2026 (`GET /models`, the models overview and live probes of
Moonshot's platform; Ace Data Cloud's own list for its endpoint).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Thinking = Literal["only", "both", "no"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model that is served."""

    id: str
    context_tokens: int
    default_completion_tokens: int  #: what the gateway reserves where the request names nothing
    thinking: Thinking  #: "only": always on; "both": on, may be switched off
    family: Literal["k2.6", "k2.7-code", "k3", "open"]  #: "open": no fixed sampling parameters
    efforts: tuple[str, ...] = ()
    default_effort: str = ""
    display_name: str = ""
    created: int = 1_776_000_000  #: seconds since 1970
    image: bool = True
    video: bool = True
    #: Further members of the entry, such as ``shutdown_date``.
    announced: Mapping[str, object] = field(default_factory=dict, hash=False)

    def temperature(self, *, thinking: bool) -> float:
        """Return the only temperature that is accepted."""
        return 0.6 if self.thinking == "both" and not thinking else 1.0

    def listed(self) -> dict[str, object]:
        """Return the entry of ``GET /models``."""
        entry: dict[str, object] = {
            "id": self.id,
            "object": "model",
            "created": self.created,
            "owned_by": "moonshot",
            "display_name": self.display_name or self.id,
            "context_length": self.context_tokens,
            "supports_image_in": self.image,
            "supports_video_in": self.video,
            "supports_reasoning": self.thinking != "no",
            "supports_tool_use": True,
            "supports_thinking_type": self.thinking,
        }
        if self.efforts:
            entry["think_efforts"] = {
                "support": True,
                "valid_efforts": list(self.efforts),
                "default_effort": self.default_effort,
            }
        return entry | dict(self.announced)


_K2_CONTEXT, _K3_CONTEXT = 262_144, 1_048_576
_EFFORTS = ("low", "high", "max")


def _k3(model: str, name: str, *, video: bool) -> ModelCard:
    return ModelCard(
        id=model,
        context_tokens=_K3_CONTEXT,
        default_completion_tokens=131_072,
        thinking="only",
        family="k3",
        efforts=_EFFORTS,
        default_effort="max",
        display_name=name,
        video=video,
    )


def _code(model: str, name: str) -> ModelCard:
    return ModelCard(
        id=model,
        context_tokens=_K2_CONTEXT,
        default_completion_tokens=32_768,
        thinking="only",
        family="k2.7-code",
        display_name=name,
    )


def _by_id(*cards: ModelCard) -> Mapping[str, ModelCard]:
    return {card.id: card for card in cards}


K26 = ModelCard(
    id="kimi-k2.6",
    context_tokens=_K2_CONTEXT,
    default_completion_tokens=32_768,
    thinking="both",
    family="k2.6",
    display_name="Kimi K2.6",
)
K3 = _k3("kimi-k3", "Kimi K3", video=True)

#: A small context, for conversations that must soon outgrow it; served where an account says so.
SMALL = ModelCard(
    id="kimi-small-8k",
    context_tokens=8_192,
    default_completion_tokens=1_024,
    thinking="both",
    family="k2.6",
    display_name="Kimi Small 8k",
    image=False,
    video=False,
)

#: Served by Moonshot's own API.
SERVED: Mapping[str, ModelCard] = _by_id(
    _k3("kimi-k3.1-pro", "Kimi K3.1 Pro", video=False),
    _k3("kimi-k3.1-pro-highspeed", "Kimi K3.1 Pro Highspeed", video=False),
    K3,
    _code("kimi-k2.7-code", "Kimi K2.7 Code"),
    _code("kimi-k2.7-code-highspeed", "Kimi K2.7 Code Highspeed"),
    K26,
)

WITH_SMALL: Mapping[str, ModelCard] = {**SERVED, SMALL.id: SMALL}

#: Once served by Moonshot, now a 404 like any unknown name.
RETIRED: frozenset[str] = frozenset(
    {
        *(f"moonshot-v1-{size}" for size in ("8k", "32k", "128k", "auto")),
        *(f"moonshot-v1-{size}-vision-preview" for size in ("8k", "32k", "128k")),
        "kimi-k2.5",
        "kimi-k2-0711-preview",
        "kimi-k2-0905-preview",
        "kimi-k2-turbo-preview",
        "kimi-k2-thinking",
        "kimi-k2-thinking-turbo",
        "kimi-latest",
        "kimi-thinking-preview",
    }
)


def _open(model: str, thinking: Thinking) -> ModelCard:
    return ModelCard(
        id=model,
        context_tokens=_K2_CONTEXT,
        default_completion_tokens=32_768,
        thinking=thinking,
        family="open",
        image=False,
        video=False,
    )


#: Served by Ace Data Cloud, which still lists ids that Moonshot retired.
ACE_SERVED: Mapping[str, ModelCard] = _by_id(
    K3,
    K26,
    _open("kimi-k2.5", "both"),
    _open("kimi-k2-thinking-turbo", "only"),
    _open("kimi-k2-thinking", "only"),
    _open("kimi-k2-instruct-0905", "no"),
    _open("kimi-k2-0905-preview", "no"),
    _open("kimi-k2-turbo-preview", "no"),
    _open("kimi-k2-0711-preview", "no"),
)
