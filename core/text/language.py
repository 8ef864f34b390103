"""Language of notices: Chinese or English, by the script that people write."""

import re
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]


#: A run of Han ideographs and full-width punctuation.
CJK_RUN = re.compile("[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\U00020000-\U0010ffff]+")


def detect_language(text: str, hint: str = "") -> Language:
    """Return the language of ``text``; ``hint``, the client's language tag, decides if it has no letters.

    A Chinese character weighs as much as five Latin letters, because Chinese questions contain product
    names and code in Latin letters, and English ones hardly ever contain Chinese.
    """
    cjk = sum(map(len, CJK_RUN.findall(text)))
    latin = sum(1 for char in text if char.isascii() and char.isalpha())
    if cjk == 0 and latin == 0:
        return language_of_tag(hint)
    return "zh" if cjk * 5 >= latin else "en"


def language_of_tag(tag: str) -> Language:
    """Return the language of a BCP 47 tag, such as "zh-CN"; English for every other language and for ""."""
    return "zh" if tag.lower().startswith("zh") else "en"


def pick(language: Language, *, zh: str, en: str) -> str:
    """Return the one of two texts that is in ``language``."""
    return zh if language == "zh" else en
