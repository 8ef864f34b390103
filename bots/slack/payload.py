"""The form in which Slack takes a message: Markdown alone, or a block of it with buttons below.

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
"""Refusals of the blocks and not of the text, which may go alone."""

_OWN_MENTION = re.compile(r"&lt;(@[UW][A-Z0-9]+)&gt;")
"""A mention that survived the pager: only ours do."""

_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
_REWRITES = (
    (re.compile(r"^#{1,6}[ \t]+(.+?)[ \t]*#*$", re.MULTILINE), r"**\1**"),
    (re.compile(r"!?\[([^\]\n]+)\]\(((?:https?://|mailto:)[^)\s]+)\)"), r"<\2|\1>"),
    (re.compile(r"(?<![*\w])\*(?![*\s])([^*\n]+?)(?<![*\s])\*(?![*\w])"), r"_\1_"),
    (re.compile(r"\*\*(?!\s)(.+?)(?<!\s)\*\*"), r"*\1*"),
    (re.compile(r"~~(?!\s)(.+?)(?<!\s)~~"), r"~\1~"),
)

FALLBACK_CHARS = 1_000
"""Of a message with blocks, this much is its ``text``: what notifications and screen readers say."""


def message_payload(text: str, blocks: Blocks) -> dict[str, Any]:
    """Return the arguments that show ``text`` (Markdown) with ``blocks`` below it."""
    if not blocks:
        return {"markdown_text": text}
    return {"text": escape(text[:FALLBACK_CHARS]), "blocks": [{"type": "markdown", "text": text}, *blocks]}


def escape(text: str) -> str:
    """Return ``text`` with the three characters escaped that Slack uses itself; our mentions stay."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _OWN_MENTION.sub(r"<\1>", escaped)


def to_mrkdwn(text: str) -> str:
    """Return a page's Markdown in Slack's older dialect, which the comment of a file is written in.

    Emphasis, headings and links; all else stays as it is.
    """
    pieces = _CODE.split(escape(text))
    return "".join(piece if index % 2 else _rewrite(piece) for index, piece in enumerate(pieces))


def _rewrite(text: str) -> str:
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    return text
