"""Where a text may be cut without tearing one visible character apart."""

import unicodedata

_ZWJ = "\u200d"


def is_grapheme_boundary(text: str, at: int) -> bool:
    """Tell whether position ``at`` lies between two visible characters.

    Knows combining marks, variation selectors, joiners, skin tones, flags and tag sequences:
    the cases that occur in chat; not all of Unicode's annex 29.
    """
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if before == _ZWJ or after == _ZWJ or _is_extender(after):
        return False
    if before == "\r" and after == "\n":
        return False
    return not (_is_flag_letter(before) and _is_flag_letter(after) and _flag_letters_before(text, at) % 2)


def grapheme_boundary_before(text: str, at: int) -> int:
    """Return the last border at or before ``at``, or ``at`` where there is none nearby."""
    for place in range(at, max(0, at - 64), -1):
        if is_grapheme_boundary(text, place):
            return place
    return at


def _is_extender(char: str) -> bool:
    code = ord(char)
    return (
        unicodedata.category(char) in ("Mn", "Me", "Mc")
        or 0x1F3FB <= code <= 0x1F3FF
        or 0xE0020 <= code <= 0xE007F
    )


def _is_flag_letter(char: str) -> bool:
    return 0x1F1E6 <= ord(char) <= 0x1F1FF


def _flag_letters_before(text: str, at: int) -> int:
    count = 0
    while count < at and _is_flag_letter(text[at - 1 - count]):
        count += 1
    return count
