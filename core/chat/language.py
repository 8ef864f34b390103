"""Which language to answer notices in: Chinese or English, by the script people write."""

from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]


def is_cjk(char: str) -> bool:
    """Return whether a character is a Han ideograph or full-width punctuation around them."""
    code = ord(char)
    return 0x3400 <= code <= 0x9FFF or 0x3000 <= code <= 0x303F or 0xF900 <= code <= 0xFAFF or code >= 0x20000


def language_of(text: str, hint: str = "") -> Language:
    """Return the language of ``text``; ``hint`` is the client's tag, for a text without letters.

    A few Chinese characters weigh more than many Latin ones: names of products and code stand in
    Latin letters in a Chinese question, hardly ever the other way round.
    """
    cjk = sum(1 for char in text if is_cjk(char))
    latin = sum(1 for char in text if char.isascii() and char.isalpha())
    if cjk == 0 and latin == 0:
        return "zh" if hint.lower().startswith("zh") else "en"
    return "zh" if cjk * 5 >= latin else "en"


def pick(language: Language, *, zh: str, en: str) -> str:
    """Return the one of two texts that is in ``language``."""
    return zh if language == "zh" else en
