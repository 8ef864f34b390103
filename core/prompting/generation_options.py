"""On which terms a conversation is answered: its model, how that thinks, its persona. Pure."""

from dataclasses import dataclass

from core.kimi import Model
from core.text.language import Language, pick

LEVELS = ("on", "off", "low", "high", "max")
"""What ``/think`` understands, beside efforts that only the provider's catalogue knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """How a request steers the model's thinking; both None leave it to the model."""

    thinking: bool | None = None
    effort: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one conversation's answers are made with now."""

    model: Model
    reply_tokens: int  #: reserved for the reply, thinking included
    level: str = ""  #: of thinking, as it was chosen; "" where it was not, or the model cannot do it
    persona: str = ""  #: words that say who answers; "" for the usual one
    gone: str = ""  #: the model that was chosen and is no longer served
    searches: bool | None = None  #: whether answers may search the web; None where that was not chosen
    language: str = ""  #: BCP 47 tag in which answers are written; "" follows the person

    @property
    def room_tokens(self) -> int:
        """What the model's context has for the prompt."""
        return self.model.context_tokens - self.reply_tokens

    @property
    def steering(self) -> Steering:
        """How the request says it."""
        return steering(self.model, self.level) or Steering()


def steering(model: Model, level: str) -> Steering | None:
    """Return how ``model`` is made to think at ``level``; None where it cannot.

    The families differ: K2.6 is switched by ``thinking``; K2.7 always thinks and refuses "disabled";
    K3 always thinks, as hard as ``reasoning_effort`` says, and knows no ``thinking``.
    """
    match (model.thinking, level):
        case (_, ""):
            return Steering()
        case ("effort" | "switch", _) if level in model.efforts:
            return Steering(effort=level)
        case ("switch", "on" | "off"):
            return Steering(thinking=level == "on")
        case ("effort" | "always", "on") | ("none", "off"):
            return Steering()  # that is what it does anyway
        case _:
            return None


def levels(model: Model) -> tuple[str, ...]:
    """Return the levels of thinking that ``model`` can do, mildest first."""
    known = ("off", *model.efforts, "on") if model.efforts else ("off", "on")
    return tuple(level for level in known if steering(model, level) is not None)


def quiet(model: Model) -> str:
    """Return the level at which ``model`` thinks least; for work that nobody waits to see."""
    if steering(model, "off") is not None:
        return "off"
    return model.efforts[0] if model.efforts else ""


def make_terms(
    model: Model, *, reply_tokens: int, level: str = "", persona: str = "", gone: str = ""
) -> Terms:
    """Return the terms for ``model``, with what it cannot do left out.

    ``reply_tokens`` is the most that a reply may take; a small model gives half of its context.
    """
    return Terms(
        model=model,
        reply_tokens=min(reply_tokens, model.context_tokens // 2),
        level=level if steering(model, level) is not None else "",
        persona=persona,
        gone=gone,
    )


def gone_note(terms: Terms, language: Language) -> str:
    """Return what is said where the chosen model is no longer served; "" where it is."""
    if not terms.gone:
        return ""
    return pick(
        language,
        zh=f"`{terms.gone}` 已不再提供，改由 `{terms.model.id}` 回答。用 `/model` 可以另选。",
        en=f"`{terms.gone}` is no longer served, so `{terms.model.id}` answers. `/model` offers others.",
    )
