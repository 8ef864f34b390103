"""Text as Slack stores it, which is not as it was typed or sent. Pure.

What comes back from ``conversations.replies`` and in events is always mrkdwn with ``& < >``
escaped, also where ``markdown_text`` was sent. The conversion from Markdown here covers what
people notice: emphasis, headings, links and list markers.
"""

import re
from collections.abc import Callable

_CONTROL = re.compile(r"<(?:@[UW]\w+(?:\|[^>]*)?|#[CG]\w+(?:\|[^>]*)?|![^>]+|(?:https?|mailto):[^>]+)>")
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_ENTITY_FREE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
_URL = re.compile(r"(?<![<|\w])https?://[^\s<>|]+[^\s<>|.,;:!?)\]}'\"]")
_REWRITES = (
    (re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE), "**\\1**"),
    (re.compile(r"!?\[([^\]\n]+)\]\((https?://[^)\s]+)\)"), "<\\2|\\1>"),
    (re.compile(r"(?<![*\w])\*(?![*\s])([^*\n]+?)(?<![*\s])\*(?![*\w])"), "_\\1_"),
    (re.compile(r"\*\*(?!\s)(.+?)(?<!\s)\*\*"), "*\\1*"),
    (re.compile(r"~~(?!\s)(.+?)(?<!\s)~~"), "~\\1~"),
    (re.compile(r"^(\s*)[-*+]\s+", re.MULTILINE), "\\1• "),
)


def typed(text: str) -> str:
    """Return what a person typed as it is stored.

    Mentions and links that are already control sequences (``<@U1>``, ``<https://a.b|label>``) stay;
    bare addresses are put in brackets.
    """
    return _around(_CONTROL, text, lambda plain: _linked(plain.replace("&", "&amp;")))


def mrkdwn(text: str) -> str:
    """Return the ``text`` of a call as it is stored: entities already there are not escaped again."""
    return _around(_CONTROL, text, lambda plain: _linked(_ENTITY_FREE_AMPERSAND.sub("&amp;", plain)))


def markdown(text: str) -> str:
    """Return ``markdown_text`` as it is stored; code is only escaped."""
    return _around(_CODE, text, lambda plain: mrkdwn(_rewritten(plain)), _escaped)


def _around(
    kept: re.Pattern[str],
    text: str,
    change: Callable[[str], str],
    change_kept: Callable[[str], str] = str,
) -> str:
    """Change what stands between the matches of ``kept``, and the matches in their own way."""
    parts: list[str] = []
    end = 0
    for found in kept.finditer(text):
        parts += [change(text[end : found.start()]), change_kept(found[0])]
        end = found.end()
    return "".join([*parts, change(text[end:])])


def _rewritten(text: str) -> str:
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


def _linked(ampersands_done: str) -> str:
    escaped = ampersands_done.replace("<", "&lt;").replace(">", "&gt;")
    return _URL.sub(lambda found: f"<{found[0]}>", escaped)


def _escaped(code: str) -> str:
    return _ENTITY_FREE_AMPERSAND.sub("&amp;", code).replace("<", "&lt;").replace(">", "&gt;")
