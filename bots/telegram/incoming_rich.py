"""Converts the blocks of rich messages (Bot API 10.1) back to Markdown. Pure.

python-telegram-bot 22.8 does not know them; the Markdown is close enough for a language model.
Source: https://core.telegram.org/bots/api#richmessage
"""

from collections.abc import Iterator, Sequence
from typing import Any

from telegram import Message

from bots.telegram.incoming_markdown import STYLE_MARKERS, quote_lines


def rich_message_markdown(message: Message) -> str:
    """Return the Markdown of a rich message; "" for any other."""
    match message.api_kwargs.get("rich_message"):
        case {"blocks": [*blocks]}:
            return _render_blocks(blocks)
        case _:
            return ""


def _render_blocks(blocks: Sequence[Any]) -> str:
    return "\n\n".join(words for block in blocks if (words := _render_block(block)))


def _render_block(block: Any) -> str:
    match block:
        case {"type": "heading", "size": int(size), "text": text}:
            return f"{'#' * size} {_render_inline(text)}"
        case {"type": "pre", "text": text}:
            return f"```{block.get('language', '')}\n{_render_inline(text)}\n```"
        case {"type": "divider"}:
            return "---"
        case {"type": "mathematical_expression", "expression": str(expression)}:
            return f"$$\n{expression}\n$$"
        case {"type": "expandable_blockquote" | "pullquote", "text": text}:
            return quote_lines(_render_inline(text))
        case {"text": text}:
            return _render_inline(text)
        case _:
            return _render_container(block)


def _render_container(block: Any) -> str:
    match block:
        case {"type": "list", "items": [*items]}:
            return "\n".join(_list_item(item) for item in items)
        case {"type": "table", "cells": [*rows]}:
            return "\n".join(_table_rows(rows))
        case {"type": "details", "summary": summary, "blocks": [*inner]}:
            return f"{_render_inline(summary)}\n\n{_render_blocks(inner)}"
        case {"type": "blockquote", "blocks": [*inner]}:
            return quote_lines(_render_blocks(inner))
        case {"blocks": [*inner]}:
            return _render_blocks(inner)
        case _:  # media, maps, buttons: no text
            return ""


def _list_item(item: Any) -> str:
    match item:
        case {"label": str(label), "blocks": [*inner]}:
            marker = label if label[:1].isalnum() else "-"
            if item.get("has_checkbox"):
                marker += " [x]" if item.get("is_checked") else " [ ]"
            return f"{marker} {_render_blocks(inner)}".replace("\n", "\n  ")
        case _:
            return ""


def _table_rows(rows: Sequence[Any]) -> Iterator[str]:
    for index, row in enumerate(rows):
        yield f"| {' | '.join(_render_inline(cell.get('text', '')) for cell in row)} |"
        if index == 0:
            yield f"|{'---|' * len(row)}"


_RICH_MARKERS = {**STYLE_MARKERS, "code": "`", "marked": "=="}


def _render_inline(text: Any) -> str:
    """Return the Markdown of a RichText: a string, a list of RichTexts, or a styled one."""
    match text:
        case str():
            return text
        case [*pieces]:
            return "".join(_render_inline(piece) for piece in pieces)
        case {"type": "url", "url": str(url), "text": inner}:
            return f"[{_render_inline(inner)}]({url})"
        case {"type": "mathematical_expression", "expression": str(expression)}:
            return f"${expression}$"
        case {"alternative_text": str(emoji)}:
            return emoji
        case {"type": str(kind), "text": inner}:
            mark = _RICH_MARKERS.get(kind, "")
            return f"{mark}{_render_inline(inner)}{mark}"
        case _:
            return ""
