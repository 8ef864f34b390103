"""Characters that cannot be shown: one answer for text that comes in and for text that goes out. Pure.

A platform that is sent a text without a visible character refuses it (Telegram) or shows an empty
message. Sources: tdlib/td ``misc.cpp`` (``strip_empty_characters``) for what Telegram finds empty, and
Unicode's default ignorable code points (UAX #44, DerivedCoreProperties.txt) for what no font draws.
"""

import re
from typing import Final

_INVISIBLE: Final = (
    r"\s\x00-\x1f\x7f-\x9f"
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, jamo and vowel fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero-width characters, direction marks
    "\u2800\u3164\uffa0"  # blank Braille pattern, Hangul fillers
    "\ufe00-\ufe0f\ufeff\ufff0-\ufffb\ufffc"  # variation selectors, byte order mark, object replacement
    "\ud800-\udfff"  # halves of surrogate pairs
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # musical format characters, tags
)
_VISIBLE: Final = re.compile(f"[^{_INVISIBLE}]")
_HIDDEN: Final = re.compile(f"(?![ \\n\\t\\u3000])[{_INVISIBLE}]")
_UNSTORABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_UNPRINTABLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What changes a terminal or the order of what it shows; not the tab and the line break."""


def has_visible_text(text: str) -> bool:
    """Return whether anything of ``text`` can be seen."""
    return _VISIBLE.search(text) is not None


def clean_text(text: str) -> str:
    """Return ``text`` without control characters and halves of surrogate pairs.

    Databases refuse them (PostgreSQL: NUL; UTF-8: half surrogates), and no platform shows them. Line
    breaks and tabs stay.
    """
    return _UNSTORABLE.sub("", text)


def escape_invisible(text: str) -> str:
    """Return ``text`` with the code of each character that nobody sees; spaces and line breaks stay.

    What a person approves must read as it is: direction marks could reverse it, and tags hide in it.
    """
    return _HIDDEN.sub(lambda found: found[0].encode("unicode-escape").decode(), text)


def terminal_text(text: str) -> str:
    """Return a foreign text for a terminal or a log, with U+FFFD in place of each control character.

    Escape sequences could move the cursor, change the title, or hide what stands before them.
    """
    return _UNPRINTABLE.sub("\ufffd", text.replace("\r", ""))
