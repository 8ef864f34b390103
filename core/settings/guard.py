"""Settings of the guard rails: what Kimi is not told, and who asks too much."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, SecretStr

from core.redaction.term_list import parse_terms
from core.settings.declare import setting
from core.settings.shapes import parse_list


def _check_secret_words(secret: SecretStr) -> SecretStr:
    parse_terms(secret.get_secret_value())
    return secret


class GuardFields(BaseModel):
    """A part of :class:`core.settings.Settings`."""

    mask: Annotated[
        tuple[str, ...], parse_list("cards|emails|phones", "is a list of what to mask: cards, emails, phones")
    ] = setting(
        "MOONTHREAD_MASK",
        "Guard",
        "What Kimi is not shown: `cards`, `emails`, `phones`, with commas between. Placeholders are sent "
        "instead, and the reply has the real ones.",
        default=(),
        default_text="nothing",
    )
    secret_words: Annotated[SecretStr, AfterValidator(_check_secret_words)] | None = setting(
        "MOONTHREAD_SECRET_WORDS",
        "Guard",
        "Words that Kimi is never sent, in the same way: `codename=Bluebird, Project Sunrise`. What stands "
        "before the `=` is what Kimi sees in their place.",
        default_text="none",
    )
    flood_messages: int = setting(
        "MOONTHREAD_FLOOD_MESSAGES",
        "Guard",
        "Questions that one person may ask within a minute; who asks more is told once, and waits until "
        "it is calm. 0 is no limit, here and below. Admins have none.",
        default=20,
        ge=0,
        le=1_000,
    )
    repeats: int = setting(
        "MOONTHREAD_REPEATS",
        "Guard",
        "How often one person may say the very same within ten minutes.",
        default=5,
        ge=0,
        le=1_000,
    )
