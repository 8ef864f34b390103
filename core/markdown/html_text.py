"""Replaces the HTML that models write into Markdown by plain text. Pure.

Platforms show tags literally. A longer text only extends the result for a shorter one, unless the shorter
one ends within a tag.
"""

import re
from typing import Final

_SUBSCRIPTS: Final = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SUPERSCRIPTS: Final = str.maketrans("0123456789+-=()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿ")

_LINE_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SHIFTED: Final = re.compile(r"<(sub|sup)>([^<>\s]{1,12})(?:</\1>|\Z)", re.IGNORECASE)  # no whole sentences
_TAG: Final = re.compile(r"</?(?:u|details|summary|sub|sup)>", re.IGNORECASE)


def html_to_text(text: str, *, line_break: str = "\n") -> str:
    """Return a text outside code without tags; ``line_break`` replaces ``<br>``.

    Digits and letters between ``<sub>`` or ``<sup>`` become subscript or superscript characters if there are
    any.
    """
    if "<" not in text:
        return text
    text = _LINE_BREAK.sub(line_break, text)
    return _TAG.sub("", _SHIFTED.sub(_shift, text))


def _shift(found: re.Match[str]) -> str:
    table = _SUBSCRIPTS if found[1].lower() == "sub" else _SUPERSCRIPTS
    return found[2].translate(table)
