"""Which language to answer notices in: Chinese or English, by the script people write."""

import re
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]


#: Han ideographs and full-width punctuation around them, as many as stand together.
CJK_RUN = re.compile("[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\U00020000-\U0010ffff]+")


def detect_language(text: str, hint: str = "") -> Language:
    """Return the language of ``text``; ``hint`` is the client's tag, for a text without letters.

    A few Chinese characters weigh more than many Latin ones: names of products and code stand in
    Latin letters in a Chinese question, hardly ever the other way round.
    """
    cjk = sum(map(len, CJK_RUN.findall(text)))
    latin = sum(1 for char in text if char.isascii() and char.isalpha())
    if cjk == 0 and latin == 0:
        return "zh" if hint.lower().startswith("zh") else "en"
    return "zh" if cjk * 5 >= latin else "en"


def pick(language: Language, *, zh: str, en: str) -> str:
    """Return the one of two texts that is in ``language``."""
    return zh if language == "zh" else en
