"""Replaces the HTML that models write into Markdown by plain text. Pure.

Platforms show tags literally. A longer text only extends the result for a shorter one, unless the shorter
one ends within a tag.
"""

import re
from typing import Final

from core.text.reply_checks import HTML_COMMENT

_SUBSCRIPTS: Final = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
_SUPERSCRIPTS: Final = str.maketrans("0123456789+-=()in", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿ")

_LINE_BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)
_SHIFTED: Final = re.compile(r"<(sub|sup)>(.*?)(?:</\1>|\Z)", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"</?(?:u|details|summary|sub|sup)>", re.IGNORECASE)


def html_to_text(text: str, *, line_break: str = "\n") -> str:
    """Return a text outside code without comments and tags; ``line_break`` replaces ``<br>``.

    Digits and letters between ``<sub>`` or ``<sup>`` become subscript or superscript characters if there are
    any.
    """
    if "<" not in text:
        return text
    text = _LINE_BREAK.sub(line_break, HTML_COMMENT.sub("", text))
    return _TAG.sub("", _SHIFTED.sub(_shift, text))


def _shift(found: re.Match[str]) -> str:
    table = _SUBSCRIPTS if found[1].lower() == "sub" else _SUPERSCRIPTS
    return found[2].translate(table)
