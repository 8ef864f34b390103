"""On which terms a conversation is answered: its model, how that thinks, its persona. Pure."""

from dataclasses import dataclass

from core.kimi import Model
from core.text.language import Language, pick

THINKING_LEVELS = ("on", "off", "low", "high", "max")
"""What ``/think`` understands, beside efforts that only the provider's catalogue knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingParams:
    """How a request steers the model's thinking; both None leave it to the model."""

    thinking: bool | None = None
    effort: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """What one conversation's answers are made with now."""

    model: Model
    reply_tokens: int  #: reserved for the reply, thinking included
    thinking_level: str = ""  #: of thinking, as it was chosen; "" where it was not, or the model cannot do it
    persona: str = ""  #: words that say who answers; "" for the usual one
    unavailable_model: str = ""  #: the model that was chosen and is no longer served
    web_search: bool | None = None  #: whether answers may search the web; None where that was not chosen
    language: str = ""  #: BCP 47 tag in which answers are written; "" follows the person

    @property
    def max_prompt_tokens(self) -> int:
        """What the model's context has for the prompt."""
        return self.model.context_tokens - self.reply_tokens

    @property
    def thinking_params(self) -> ThinkingParams:
        """How the request says it."""
        return thinking_params(self.model, self.thinking_level) or ThinkingParams()


def thinking_params(model: Model, level: str) -> ThinkingParams | None:
    """Return how ``model`` is made to think at ``level``; None where it cannot.

    The families differ: K2.6 is switched by ``thinking``; K2.7 always thinks and refuses "disabled";
    K3 always thinks, as hard as ``reasoning_effort`` says, and knows no ``thinking``.
    """
    match (model.thinking_control, level):
        case (_, ""):
            return ThinkingParams()
        case ("effort" | "switch", _) if level in model.efforts:
            return ThinkingParams(effort=level)
        case ("switch", "on" | "off"):
            return ThinkingParams(thinking=level == "on")
        case ("effort" | "always", "on") | ("none", "off"):
            return ThinkingParams()  # that is what it does anyway
        case _:
            return None


def thinking_levels(model: Model) -> tuple[str, ...]:
    """Return the levels of thinking that ``model`` can do, mildest first."""
    known = ("off", *model.efforts, "on") if model.efforts else ("off", "on")
    return tuple(level for level in known if thinking_params(model, level) is not None)


def least_thinking_level(model: Model) -> str:
    """Return the level at which ``model`` thinks least; for work that nobody waits to see."""
    if thinking_params(model, "off") is not None:
        return "off"
    return model.efforts[0] if model.efforts else ""


def build_generation_options(
    model: Model,
    *,
    reply_tokens: int,
    thinking_level: str = "",
    persona: str = "",
    unavailable_model: str = "",
) -> GenerationOptions:
    """Return the terms for ``model``, with what it cannot do left out.

    ``reply_tokens`` is the most that a reply may take; a small model gives half of its context.
    """
    return GenerationOptions(
        model=model,
        reply_tokens=min(reply_tokens, model.context_tokens // 2),
        thinking_level=thinking_level if thinking_params(model, thinking_level) is not None else "",
        persona=persona,
        unavailable_model=unavailable_model,
    )


def unavailable_model_text(options: GenerationOptions, language: Language) -> str:
    """Return what is said where the chosen model is no longer served; "" where it is."""
    if not options.unavailable_model:
        return ""
    return pick(
        language,
        zh=f"`{options.unavailable_model}` 已不再提供，改由 `{options.model.id}` 回答。"
        "用 `/model` 可以另选。",
        en=f"`{options.unavailable_model}` is no longer served, so `{options.model.id}` answers. "
        "`/model` offers others.",
    )
