"""The form in which Slack takes a message: Markdown alone, or a block of it with buttons below.

``markdown_text`` excludes ``blocks`` and ``text``
(https://docs.slack.dev/reference/methods/chat.postMessage).
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

Blocks: TypeAlias = Sequence[dict[str, Any]]

BLOCKS_REFUSED = frozenset(
    {
        "block_mismatch",
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_blocks_too_many",
    }
)
"""Refusals of the blocks and not of the text, which may go alone."""

FALLBACK_CHARS = 1_000
"""Of a message with blocks, this much is its ``text``: what notifications and screen readers say."""


def form_of(text: str, blocks: Blocks) -> dict[str, Any]:
    """Return the arguments that show ``text`` (Markdown) with ``blocks`` below it."""
    if not blocks:
        return {"markdown_text": text}
    return {"text": escaped(text[:FALLBACK_CHARS]), "blocks": [{"type": "markdown", "text": text}, *blocks]}


def escaped(text: str) -> str:
    """Return ``text`` with the three characters escaped that Slack uses itself."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
