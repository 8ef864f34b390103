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

from core.redaction.patterns import CARD, EMAIL, MANY_DIGITS, PHONE, PiiKind, is_card_number

TERM_NAME: Final = "SECRET"  #: stands for a secret word without a key
LITERAL_NAME: Final = "TEXT"  #: stands for what only looks like a placeholder


class Masker:
    """What a deployment hides."""

    def __init__(self, kinds: Collection[PiiKind], terms: Mapping[str, str] | None = None) -> None:
        """``words`` are secret words with their keys, the names that stand for them ("" for none)."""
        self.kinds = frozenset(kinds)
        #: By the word as it is compared: in lower case, with single blanks.
        self.placeholder_names = {
            _normalized(word): (key or TERM_NAME).upper() for word, key in (terms or {}).items()
        }
        names = (
            {kind.placeholder for kind in PiiKind}
            | {TERM_NAME, LITERAL_NAME}
            | set(self.placeholder_names.values())
        )
        self._placeholder_regex = rf"\[(?:{'|'.join(map(re.escape, sorted(names)))})(?:-\d+)?\]"
        self._placeholder_pattern = re.compile(self._placeholder_regex, re.IGNORECASE)
        self._terms_longest_first = sorted(self.placeholder_names, key=len, reverse=True)

    def __bool__(self) -> bool:
        """Return whether anything is hidden at all."""
        return bool(self.kinds or self.placeholder_names)

    def pattern_for(self, text: str) -> re.Pattern[str]:
        """Return what finds, in this text, placeholders that somebody wrote and the secret words."""
        if not self._terms_longest_first:
            return self._placeholder_pattern
        folded = _normalized(text)
        here = [
            _term_regex(word) for word in self._terms_longest_first if word in folded
        ]  # seldom any: it is quick then
        return (
            re.compile("|".join([self._placeholder_regex, *here]), re.IGNORECASE)
            if here
            else self._placeholder_pattern
        )

    def for_request(self) -> "RequestMask":
        """Return what hides the texts of one request, and shows those of its reply."""
        return RequestMask(self)


class RequestMask:
    """The placeholders of one request."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._placeholders: dict[str, str] = {}  # by the text they stand for
        self._counts: dict[str, int] = {}
        self.originals: dict[str, str] = {}  #: by placeholder

    @property
    def is_active(self) -> bool:
        """Return whether anything is hidden at all."""
        return bool(self._masker)

    def mask(self, text: str) -> str:
        """Return ``text`` with placeholders for everything that is to be hidden."""
        if not self._masker:
            return text
        text = self._masker.pattern_for(text).sub(self._mask_match, text)
        return "\n".join(map(self._mask_line, text.split("\n"))) if self._masker.kinds else text

    def _mask_line(self, line: str) -> str:
        """Hide what is known by its look; it stands in one line, and most lines hold nothing of it."""
        kinds = self._masker.kinds
        if "@" in line and PiiKind.EMAILS in kinds:
            line = EMAIL.sub(lambda found: self._placeholder_for(found[0], PiiKind.EMAILS.placeholder), line)
        if not MANY_DIGITS.search(line):
            return line
        if PiiKind.CARDS in kinds:
            line = CARD.sub(lambda found: self._mask_card(found[0]), line)
        if PiiKind.PHONES in kinds:
            line = PHONE.sub(lambda found: self._placeholder_for(found[0], PiiKind.PHONES.placeholder), line)
        return line

    def unmask(self, text: str) -> str:
        """Return a whole text of Kimi's with the real words in it."""
        shower = StreamUnmasker(self)
        return shower.feed(text) + shower.flush()

    def mask_json(self, text: str) -> str:
        """Hide within the strings of a JSON text; one without a secret stays byte by byte."""
        return _map_json_text(text, self.mask)

    def unmask_json(self, text: str) -> str:
        """Show within the strings of a JSON text; one without a placeholder stays byte by byte."""
        return _map_json_text(text, self.unmask)

    def _mask_match(self, found: re.Match[str]) -> str:
        return self._placeholder_for(
            found[0], self._masker.placeholder_names.get(_normalized(found[0]), LITERAL_NAME)
        )

    def _mask_card(self, text: str) -> str:
        return self._placeholder_for(text, PiiKind.CARDS.placeholder) if is_card_number(text) else text

    def _placeholder_for(self, text: str, name: str) -> str:
        if (known := self._placeholders.get(text)) is not None:
            return known
        self._counts[name] = count = self._counts.get(name, 0) + 1
        placeholder = self._placeholders[text] = f"[{name}-{count}]"
        self.originals[placeholder] = text
        return placeholder


class StreamUnmasker:
    """Puts real words back into a reply that comes in pieces."""

    def __init__(self, mask: RequestMask) -> None:
        self._originals = mask.originals
        self._pending = ""

    def feed(self, chunk: str) -> str:
        """Take the next piece; return what may be shown, without a placeholder that has only begun."""
        text, shown = self._pending + chunk, list[str]()
        self._pending = ""
        while text:
            before, bracket, rest = text.partition("[")
            shown.append(before)
            text = bracket + rest
            if not text:
                break
            if (whole := self._complete_placeholder(text)) is not None:
                shown.append(self._originals[whole])
                text = text[len(whole) :]
            elif any(placeholder.startswith(text) for placeholder in self._originals):
                self._pending = text
                break
            else:
                shown.append("[")
                text = rest
        return "".join(shown)

    def flush(self) -> str:
        """Return what was held back: nothing follows that could make it a placeholder."""
        held, self._pending = self._pending, ""
        return held

    def _complete_placeholder(self, text: str) -> str | None:
        name, bracket, _ = text.partition("]")
        return name + bracket if name + bracket in self._originals else None


def unescape_json(text: str) -> str:
    """Return a JSON text with its characters written out, so that words can be found in it."""
    if "\\u" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _normalized(term: str) -> str:
    return " ".join(term.split()).lower()


def _term_regex(term: str) -> str:
    """Return a pattern for a word whose blanks may be any others, such as a line's end."""
    return r"\s+".join(map(re.escape, term.split()))


def _map_json_text(text: str, transform: Callable[[str], str]) -> str:
    try:
        given = json.loads(text)
    except ValueError:
        return transform(text)
    changed = _map_strings(given, transform)
    return text if changed == given else json.dumps(changed, ensure_ascii=False)


def _map_strings(value: Any, transform: Callable[[str], str]) -> Any:
    match value:
        case str():
            return transform(value)
        case list():
            return [_map_strings(one, transform) for one in value]
        case dict():
            return {transform(key): _map_strings(one, transform) for key, one in value.items()}
        case _:
            return value
