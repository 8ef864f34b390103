"""The options that an answer is generated with: model, thinking, persona, language. Pure."""

from dataclasses import dataclass, field

from core.kimi import Model
from core.text.language import Language, pick
from core.tools.selection import ToolSelection

THINKING_LEVELS = ("on", "off", "low", "high", "max")
"""Levels that ``/think`` takes; a provider's catalog may add efforts of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingParams:
    """Request parameters that control the model's thinking; both None leave it to the model."""

    thinking: bool | None = None
    effort: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationOptions:
    """The options of one conversation's answers."""

    model: Model
    reply_tokens: int  #: reserved for the reply, thinking included
    thinking_level: str = ""  #: as chosen; "" if none was, or if the model does not offer it
    persona: str = ""  #: text that describes who answers; "" for the default
    unavailable_model: str = ""  #: the chosen model, if it is no longer served
    web_search: bool | None = None  #: as chosen; None if nothing was
    tools: ToolSelection = field(default_factory=ToolSelection)  #: that may be used, beside the web search
    language: str = ""  #: BCP 47 tag in which answers are written; "" follows the person

    @property
    def max_prompt_tokens(self) -> int:
        """Tokens of the model's context that are left for the prompt."""
        return self.model.context_tokens - self.reply_tokens

    @property
    def thinking_params(self) -> ThinkingParams:
        """The request parameters for the chosen level."""
        return thinking_params(self.model, self.thinking_level) or ThinkingParams()


def thinking_params(model: Model, level: str) -> ThinkingParams | None:
    """Return the request parameters that make ``model`` think at ``level``; None if it cannot.

    K2.6 is switched by ``thinking``; K2.7 always thinks and refuses "disabled"; K3 always thinks, as
    hard as ``reasoning_effort`` says, and knows no ``thinking`` (Moonshot's model pages).
    """
    match (model.thinking_control, level):
        case (_, ""):
            return ThinkingParams()
        case ("effort" | "switch", _) if level in model.efforts:
            return ThinkingParams(effort=level)
        case ("switch", "on" | "off"):
            return ThinkingParams(thinking=level == "on")
        case ("effort" | "always", "on") | ("none", "off"):
            return ThinkingParams()  # the model's only behaviour
        case _:
            return None


def thinking_levels(model: Model) -> tuple[str, ...]:
    """Return the levels of thinking that ``model`` offers, mildest first."""
    known = ("off", *model.efforts, "on") if model.efforts else ("off", "on")
    return tuple(level for level in known if thinking_params(model, level) is not None)


def least_thinking_level(model: Model) -> str:
    """Return the level at which ``model`` thinks least."""
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
    """Return options for ``model``, without choices that it does not offer.

    Args:
        model: the model that answers.
        reply_tokens: maximal size of a reply; at most half of the model's context is used.
        thinking_level: as chosen; "" for none.
        persona: text that describes who answers; "" for the default.
        unavailable_model: the chosen model, if it is no longer served.
    """
    return GenerationOptions(
        model=model,
        reply_tokens=min(reply_tokens, model.context_tokens // 2),
        thinking_level=thinking_level if thinking_params(model, thinking_level) is not None else "",
        persona=persona,
        unavailable_model=unavailable_model,
    )


def unavailable_model_text(options: GenerationOptions, language: Language) -> str:
    """Return the note that another model answers than the chosen one; "" if the chosen one does."""
    if not options.unavailable_model:
        return ""
    return pick(
        language,
        zh=f"`{options.unavailable_model}` 已不再提供，改由 `{options.model.id}` 回答。"
        "用 `/model` 可以另选。",
        en=f"`{options.unavailable_model}` is no longer served, so `{options.model.id}` answers. "
        "`/model` offers others.",
    )
