"""Language of the bot's own texts: Chinese or English, as a person chose, or by the script they write."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]


#: A run of Han ideographs and full-width punctuation.
CJK_RUN = re.compile("[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\U00020000-\U0010ffff]+")
_KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\uff66-\uff9d]")  #: letters of Japanese only
_CODE_OR_LINK = re.compile(r"\A/[A-Za-z_]+|```.*?(?:```|\Z)|`[^`\n]+`|https?://\S+", re.DOTALL)


def detect_language(text: str, hint: str = "") -> Language:
    """Return the language of ``text``; ``hint``, the client's language tag, decides if it shows none."""
    return _shown_language(text) or language_of_tag(hint)


def _shown_language(text: str) -> Language | None:
    """Return the language that a text shows; None for text without Han and Latin letters, and for Japanese.

    A Chinese character weighs as much as five Latin letters, because Chinese questions contain product
    names and code in Latin letters, and English ones hardly ever contain Chinese.
    """
    cjk = sum(map(len, CJK_RUN.findall(text)))
    latin = sum(1 for char in text if char.isascii() and char.isalpha())
    if (cjk == 0 and latin == 0) or _KANA.search(text):
        return None
    return "zh" if cjk * 5 >= latin else "en"


def language_of_tag(tag: str) -> Language:
    """Return the language of a BCP 47 tag, such as "zh-CN"; English for every other language and for ""."""
    return "zh" if tag.lower().startswith("zh") else "en"


def pick(language: Language, *, zh: str, en: str) -> str:
    """Return the one of two texts that is in ``language``."""
    return zh if language == "zh" else en


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLanguage:
    """What is known of the language that a person wants the bot's own texts in."""

    chosen: str = ""  #: by ``/language``: a language, or "" if they chose none
    texts: Sequence[str] = ()  #: their own latest messages, the newest first

    def resolve(self, *, client: str, chat: str = "") -> Language:
        """Return the language to use: the chosen one, the chat's, the one they mostly write, the client's.

        Args:
            client: language tag of the person's client; "" if it is not known.
            chat: language tag that the chat's rules set; "" if they set none.
        """
        tag = self.chosen or chat
        return language_of_tag(tag) if tag else self.written() or language_of_tag(client)

    def written(self) -> Language | None:
        """Return the language of most messages, of as many of both the latest; None if none shows any."""
        shown = [found for text in self.texts if (found := _shown_language(_CODE_OR_LINK.sub(" ", text)))]
        if not shown:
            return None
        return shown[0] if shown.count(shown[0]) * 2 >= len(shown) else "en" if shown[0] == "zh" else "zh"
