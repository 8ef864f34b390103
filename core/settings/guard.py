"""Settings of the guard rails: redaction and flood control."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, SecretStr

from core.redaction.term_list import parse_terms
from core.settings.declare import setting
from core.settings.shapes import parse_list


def _check_secret_words(secret: SecretStr) -> SecretStr:
    parse_terms(secret.get_secret_value())
    return secret


class GuardFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: group Guard."""

    pii_masking: Annotated[
        tuple[str, ...], parse_list("cards|emails|phones", "is a list of what to mask: cards, emails, phones")
    ] = setting(
        "MOONTHREAD_PII_MASKING",
        "Guard",
        "Personal data that is hidden from Kimi: `cards`, `emails`, `phones`, with commas between. Kimi gets "
        "placeholders, and the answer on the screen has the real data.",
        default=(),
        default_text="nothing",
    )
    secret_words: Annotated[SecretStr, AfterValidator(_check_secret_words)] | None = setting(
        "MOONTHREAD_SECRET_WORDS",
        "Guard",
        "Words that are hidden from Kimi in the same way: `codename=Bluebird, Project Sunrise`. The name "
        "before the `=` becomes the placeholder.",
        default_text="none",
    )
    flood_messages_per_minute: int = setting(
        "MOONTHREAD_FLOOD_MESSAGES_PER_MINUTE",
        "Guard",
        "Questions, commands, button presses and edits that one person may send in a minute. More questions "
        "are refused, with one notice, for a minute; anything else is dropped, and in a group a person's "
        "fifth command of a minute too. 0 is no limit, here and below. Admins have none.",
        default=20,
        ge=0,
        le=1_000,
    )
    files_per_day: int = setting(
        "MOONTHREAD_FILES_PER_DAY",
        "Guard",
        "Files of one person that are read per UTC day, with those of `/learn`; the person is told of files "
        "that are not read. 0 is no limit. Admins have none.",
        default=100,
        ge=0,
        le=100_000,
    )
    duplicates_per_10_min: int = setting(
        "MOONTHREAD_DUPLICATES_PER_10_MIN",
        "Guard",
        "How often one person may send the same words in ten minutes.",
        default=5,
        ge=0,
        le=1_000,
    )
    file_timeout_s: float = setting(
        "MOONTHREAD_FILE_TIMEOUT_S",
        "Guard",
        "Seconds that reading one file may take; its process is killed then, and the person is told.",
        default=20.0,
        ge=1,
        le=600,
    )
    file_memory_mb: int = setting(
        "MOONTHREAD_FILE_MEMORY_MB",
        "Guard",
        "Megabytes that reading one file may take; two files are read at the same time.",
        default=256,
        ge=64,
        le=4_096,
    )
