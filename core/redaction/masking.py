"""Words that Kimi never sees: each is replaced before sending and put back into the reply. Pure.

A placeholder such as ``[CARD-1]`` stands for one exact text within one request. Numbers are given in
the order of appearance, so that the beginning of a conversation is masked the same each time and
Kimi's prefix cache holds it. Where people write something that looks like a placeholder, it gets one
of its own: nobody can call up another's secret by its name.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from core.redaction.patterns import CARD, EMAIL, MANY_DIGITS, PHONE, Kind, is_card

WORD: Final = "SECRET"  #: stands for a secret word without a key
TEXT: Final = "TEXT"  #: stands for what only looks like a placeholder


class Masker:
    """What a deployment hides."""

    def __init__(self, kinds: Collection[Kind], words: Mapping[str, str] | None = None) -> None:
        """``words`` are secret words with their keys, the names that stand for them ("" for none)."""
        self.kinds = frozenset(kinds)
        #: By the word as it is compared: in lower case, with single blanks.
        self.names = {_folded(word): (key or WORD).upper() for word, key in (words or {}).items()}
        names = {kind.placeholder for kind in Kind} | {WORD, TEXT} | set(self.names.values())
        self._literal = rf"\[(?:{'|'.join(map(re.escape, sorted(names)))})(?:-\d+)?\]"
        self._alone = re.compile(self._literal, re.IGNORECASE)
        self._longest = sorted(self.names, key=len, reverse=True)

    def __bool__(self) -> bool:
        """Return whether anything is hidden at all."""
        return bool(self.kinds or self.names)

    def named(self, text: str) -> re.Pattern[str]:
        """Return what finds, in this text, placeholders that somebody wrote and the secret words."""
        if not self._longest:
            return self._alone
        folded = _folded(text)
        here = [_spaced(word) for word in self._longest if word in folded]  # seldom any: it is quick then
        return re.compile("|".join([self._literal, *here]), re.IGNORECASE) if here else self._alone

    def begin(self) -> "Mask":
        """Return what hides the texts of one request, and shows those of its reply."""
        return Mask(self)


class Mask:
    """The placeholders of one request."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._placeholders: dict[str, str] = {}  # by the text they stand for
        self._counts: dict[str, int] = {}
        self.texts: dict[str, str] = {}  #: by placeholder

    @property
    def hides(self) -> bool:
        """Return whether anything is hidden at all."""
        return bool(self._masker)

    def hide(self, text: str) -> str:
        """Return ``text`` with placeholders for everything that is to be hidden."""
        if not self._masker:
            return text
        text = self._masker.named(text).sub(self._named, text)
        return "\n".join(map(self._line, text.split("\n"))) if self._masker.kinds else text

    def _line(self, line: str) -> str:
        """Hide what is known by its look; it stands in one line, and most lines hold nothing of it."""
        kinds = self._masker.kinds
        if "@" in line and Kind.EMAILS in kinds:
            line = EMAIL.sub(lambda found: self._for(found[0], Kind.EMAILS.placeholder), line)
        if not MANY_DIGITS.search(line):
            return line
        if Kind.CARDS in kinds:
            line = CARD.sub(lambda found: self._card(found[0]), line)
        if Kind.PHONES in kinds:
            line = PHONE.sub(lambda found: self._for(found[0], Kind.PHONES.placeholder), line)
        return line

    def show(self, text: str) -> str:
        """Return a whole text of Kimi's with the real words in it."""
        shower = Shower(self)
        return shower.feed(text) + shower.end()

    def hide_json(self, text: str) -> str:
        """Hide within the strings of a JSON text; one without a secret stays byte by byte."""
        return _within(text, self.hide)

    def show_json(self, text: str) -> str:
        """Show within the strings of a JSON text; one without a placeholder stays byte by byte."""
        return _within(text, self.show)

    def _named(self, found: re.Match[str]) -> str:
        return self._for(found[0], self._masker.names.get(_folded(found[0]), TEXT))

    def _card(self, text: str) -> str:
        return self._for(text, Kind.CARDS.placeholder) if is_card(text) else text

    def _for(self, text: str, name: str) -> str:
        if (known := self._placeholders.get(text)) is not None:
            return known
        self._counts[name] = count = self._counts.get(name, 0) + 1
        placeholder = self._placeholders[text] = f"[{name}-{count}]"
        self.texts[placeholder] = text
        return placeholder


class Shower:
    """Puts real words back into a reply that comes in pieces."""

    def __init__(self, mask: Mask) -> None:
        self._texts = mask.texts
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take the next piece; return what may be shown, without a placeholder that has only begun."""
        text, shown = self._held + piece, list[str]()
        self._held = ""
        while text:
            before, bracket, rest = text.partition("[")
            shown.append(before)
            text = bracket + rest
            if not text:
                break
            if (whole := self._whole(text)) is not None:
                shown.append(self._texts[whole])
                text = text[len(whole) :]
            elif any(placeholder.startswith(text) for placeholder in self._texts):
                self._held = text
                break
            else:
                shown.append("[")
                text = rest
        return "".join(shown)

    def end(self) -> str:
        """Return what was held back: nothing follows that could make it a placeholder."""
        held, self._held = self._held, ""
        return held

    def _whole(self, text: str) -> str | None:
        name, bracket, _ = text.partition("]")
        return name + bracket if name + bracket in self._texts else None


def readable(text: str) -> str:
    """Return a JSON text with its characters written out, so that words can be found in it."""
    if "\\u" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _folded(word: str) -> str:
    return " ".join(word.split()).lower()


def _spaced(word: str) -> str:
    """Return a pattern for a word whose blanks may be any others, such as a line's end."""
    return r"\s+".join(map(re.escape, word.split()))


def _within(text: str, change: Callable[[str], str]) -> str:
    try:
        given = json.loads(text)
    except ValueError:
        return change(text)
    changed = _walked(given, change)
    return text if changed == given else json.dumps(changed, ensure_ascii=False)


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case list():
            return [_walked(one, change) for one in value]
        case dict():
            return {change(key): _walked(one, change) for key, one in value.items()}
        case _:
            return value
