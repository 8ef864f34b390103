"""Arguments of a message: Markdown alone, or a Markdown block with buttons below it.

``markdown_text`` excludes ``blocks`` and ``text``
(https://docs.slack.dev/reference/methods/chat.postMessage).
"""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

Blocks: TypeAlias = Sequence[dict[str, Any]]

BLOCK_ERROR_CODES = frozenset(
    {
        "block_mismatch",
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
    }
)
"""Errors that concern the blocks and not the text, which may be sent without them."""

_OWN_MENTION = re.compile(r"&lt;(@[UW][A-Z0-9]+)&gt;")
"""A mention that the renderer kept: it keeps only our own."""

_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)

MAX_URL_CHARS = 2_000
"""Maximum length of an address that becomes a link."""

# Every search ends at the next marker that could begin the same, or the cost would be the text's square.
_HEADING = re.compile(r"^#{1,6}[ \t]++([^\n]+)$", re.MULTILINE)
_REWRITES = (
    (
        re.compile(rf"!?\[([^\[\]\n]+)\]\(((?:https?://|mailto:)[^)\s]{{1,{MAX_URL_CHARS}}}+)\)"),
        r"<\2|\1>",
    ),
    (re.compile(r"(?<![*\w])\*(?![*\s])([^*\n]+?)(?<![*\s])\*(?![*\w])"), r"_\1_"),
    (re.compile(r"\*\*(?!\s)((?:(?!(?<=\s)\*\*\S).)+?)(?<!\s)\*\*"), r"*\1*"),
    (re.compile(r"~~(?!\s)((?:(?!(?<=\s)~~\S).)+?)(?<!\s)~~"), r"~\1~"),
)

FALLBACK_CHARS = 1_000
"""Maximum length of ``text`` beside blocks, which notifications and screen readers use."""


def message_payload(text: str, blocks: Blocks) -> dict[str, Any]:
    """Return the arguments of a message with ``text`` (Markdown) and ``blocks`` below it."""
    if not blocks:
        return {"markdown_text": text}
    return {"text": escape(text[:FALLBACK_CHARS]), "blocks": [{"type": "markdown", "text": text}, *blocks]}


def escape(text: str) -> str:
    """Return ``text`` with Slack's three reserved characters escaped, except in our own mentions."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _OWN_MENTION.sub(r"<\1>", escaped)


def to_mrkdwn(text: str) -> str:
    """Return Markdown as mrkdwn, Slack's older dialect, which a file's comment needs.

    Converts emphasis, headings and links; the rest is kept.
    """
    pieces = _CODE.split(escape(text))
    return "".join(piece if index % 2 else _rewrite(piece) for index, piece in enumerate(pieces))


def _rewrite(text: str) -> str:
    text = _HEADING.sub(lambda found: f"**{_heading_words(found[1])}**", text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text


def _heading_words(line: str) -> str:
    """Return a heading without the number signs that may close it."""
    return line.rstrip("#").rstrip(" \t") or line[0]
