"""Masking: replaces sensitive text by placeholders in a request, and restores it in the reply. Pure.

A placeholder such as ``[CARD-1]`` represents one exact text within one request. Placeholders are numbered
in the order of appearance, so that the beginning of a conversation is masked identically each time and
stays in Kimi's prefix cache. A text that looks like a placeholder is masked too, so that nobody can
request another person's secret by its placeholder.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from core.redaction.patterns import CARD, EMAIL, EMAIL_AT, MANY_DIGITS, PHONE, PiiKind, is_card_number

TERM_NAME: Final = "SECRET"  #: placeholder name of secret terms without a key
LITERAL_NAME: Final = "TEXT"  #: placeholder name of texts that look like a placeholder


class Masker:
    """Masking rules of a deployment."""

    def __init__(self, kinds: Collection[PiiKind], terms: Mapping[str, str] | None = None) -> None:
        """Compile the rules.

        Args:
            kinds: personal data to mask.
            terms: secret term → its placeholder's name, "" for :data:`TERM_NAME`.
        """
        self.kinds = frozenset(kinds)
        #: Normalized term (lower case, single blanks) → its placeholder's name.
        self.placeholder_names = {
            _normalized(term): (name or TERM_NAME).upper() for term, name in (terms or {}).items()
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
        """Return whether there is any rule."""
        return bool(self.kinds or self.placeholder_names)

    def pattern_for(self, text: str) -> re.Pattern[str]:
        """Return a pattern that finds this text's secret terms and literal placeholders."""
        if not self._terms_longest_first:
            return self._placeholder_pattern
        folded = _normalized(text)
        # Most texts contain no term; they need no pattern of their own.
        present = [_term_regex(term) for term in self._terms_longest_first if term in folded]
        if not present:
            return self._placeholder_pattern
        return re.compile("|".join([self._placeholder_regex, *present]), re.IGNORECASE)

    def for_request(self) -> "RequestMask":
        """Return the mask of one request and its reply."""
        return RequestMask(self)


class RequestMask:
    """Masks the texts of one request and unmasks those of its reply."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._placeholders: dict[str, str] = {}  # original text → placeholder
        self._counts: dict[str, int] = {}  # placeholder name → placeholders so far
        self.originals: dict[str, str] = {}  #: placeholder → original text

    @property
    def is_active(self) -> bool:
        """Whether there is any rule."""
        return bool(self._masker)

    def mask(self, text: str) -> str:
        """Return ``text`` with its sensitive parts replaced by placeholders."""
        if not self._masker:
            return text
        text = self._masker.pattern_for(text).sub(self._mask_match, text)
        return self._mask_personal_data(text) if self._masker.kinds else text

    def _mask_personal_data(self, text: str) -> str:
        """Mask personal data; cheap checks skip a text that has none.

        The patterns match within a line, so that the text is searched as a whole: line by line it cost
        four times as much.
        """
        kinds = self._masker.kinds
        if PiiKind.EMAILS in kinds and EMAIL_AT.search(text):
            text = EMAIL.sub(lambda found: self._placeholder_for(found[0], PiiKind.EMAILS.placeholder), text)
        if not MANY_DIGITS.search(text):
            return text
        if PiiKind.CARDS in kinds:
            text = CARD.sub(lambda found: self._mask_card(found[0]), text)
        if PiiKind.PHONES in kinds:
            text = PHONE.sub(lambda found: self._placeholder_for(found[0], PiiKind.PHONES.placeholder), text)
        return text

    def unmask(self, text: str) -> str:
        """Return a complete text of Kimi's with the original texts restored."""
        unmasker = StreamUnmasker(self)
        return unmasker.feed(text) + unmasker.flush()

    def mask_json(self, text: str) -> str:
        """Mask the strings of a JSON text; a text without sensitive parts is returned unchanged."""
        return _map_json_text(text, self.mask)

    def unmask_json(self, text: str) -> str:
        """Unmask the strings of a JSON text; a text without placeholders is returned unchanged."""
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
    """Restores original texts in a reply that arrives in chunks."""

    def __init__(self, mask: RequestMask) -> None:
        self._originals = mask.originals
        self._pending = ""

    def feed(self, chunk: str) -> str:
        """Return the text that may be shown after one more chunk; an incomplete placeholder is held back."""
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
        """Return the text held back at the end of the reply."""
        pending, self._pending = self._pending, ""
        return pending

    def _complete_placeholder(self, text: str) -> str | None:
        name, bracket, _ = text.partition("]")
        return name + bracket if name + bracket in self._originals else None


def unescape_json(text: str) -> str:
    """Return a JSON text with its Unicode escapes decoded, so that terms can be found in it."""
    if "\\u" not in text:
        return text
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return text


def _normalized(term: str) -> str:
    return " ".join(term.split()).lower()


def _term_regex(term: str) -> str:
    """Return a pattern that matches a term with any whitespace in place of its blanks."""
    return r"\s+".join(map(re.escape, term.split()))


def _map_json_text(text: str, transform: Callable[[str], str]) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        return transform(text)
    changed = _map_strings(value, transform)
    return text if changed == value else json.dumps(changed, ensure_ascii=False)


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
