"""Rich messages (Bot API 10.1): Markdown in, blocks out, and how they read on a screen. Pure.

Source: core.telegram.org/bots/api#inputrichmessage. GitHub's Markdown with HTML: a lone line end is
a space, and a tag that Telegram does not know vanishes. Only ``markdown`` is read here; of HTML
only ``<details>``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from bots.simulator.telegram.errors import bad_request

Block: TypeAlias = dict[str, Any]

TEXT_LIMIT = 32_768
BLOCK_LIMIT = 500  #: nested ones, list items and table rows included
DEPTH_LIMIT = 16
COLUMN_LIMIT = 20

_DETAILS = re.compile(r"<details( open)?>\s*<summary>(.*?)</summary>", re.IGNORECASE | re.DOTALL)
_TASK = re.compile(r"\[([ xX])\]\s+")
_STYLES = {"strong": "bold", "em": "italic", "s": "strikethrough"}


def checked_rich(raw: Any) -> tuple[Block, ...]:
    """Return the blocks of an ``InputRichMessage``.

    Raises:
        ApiError: not exactly one content, nothing in it, or over a limit.
    """
    if not isinstance(raw, dict) or sum(name in raw for name in ("markdown", "html", "blocks")) != 1:
        raise bad_request("exactly one of the fields html, markdown, or blocks must be used")
    markdown = raw.get("markdown")
    if not isinstance(markdown, str):
        raise bad_request("the stand-in reads rich messages from markdown only")
    if len(markdown) > TEXT_LIMIT:
        raise bad_request("RICH_MESSAGE_TOO_LONG")
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    blocks = _blocks(SyntaxTreeNode(reader.parse(markdown)).children)
    if not "".join(text_of(blocks).split()):
        raise bad_request("message text is empty")
    if sum(1 for _ in _every(blocks)) > BLOCK_LIMIT:
        raise bad_request("RICH_MESSAGE_TOO_MANY_BLOCKS")
    if max(depth for _, depth in _every(blocks)) > DEPTH_LIMIT:
        raise bad_request("RICH_MESSAGE_TOO_DEEP")
    return tuple(blocks)


def text_of(blocks: Sequence[Mapping[str, Any]]) -> str:
    """Return how blocks read: one line for each line that people see."""
    return "\n".join(line for block in blocks for line in _lines(block))


def _lines(block: Mapping[str, Any]) -> Iterator[str]:
    match block:
        case {"type": "list", "items": items}:
            for item in items:
                box = ("☑ " if item.get("is_checked") else "☐ ") if item.get("has_checkbox") else ""
                yield f"{item['label']} {box}{text_of(item['blocks'])}"
        case {"type": "table", "cells": rows}:
            for row in rows:
                yield " | ".join(_plain(cell.get("text", "")) for cell in row)
        case {"type": "details", "summary": summary, "blocks": inner}:
            yield f"▸ {_plain(summary)}"
            yield text_of(inner)
        case {"blocks": inner}:
            yield text_of(inner)
        case {"expression": expression}:
            yield expression
        case {"text": text}:
            yield _plain(text)
        case _:
            yield "———"


def _plain(text: Any) -> str:
    match text:
        case str():
            return text
        case list():
            return "".join(_plain(piece) for piece in text)
        case {"text": inner}:
            return _plain(inner)
        case _:
            return ""


def _every(blocks: Sequence[Any], depth: int = 1) -> Iterator[tuple[Any, int]]:
    """Yield all that counts as a block, with how deep it stands."""
    for block in blocks:
        yield block, depth
        inside = [*block.get("items", ()), *block.get("blocks", ())]
        yield from _every(inside, depth + 1)
        yield from ((row, depth + 1) for row in block.get("cells", ()))


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> list[Block]:
    found: list[Block] = []
    around: list[list[Block]] = []  # the lists that open details interrupt
    for node in nodes:
        if node.type == "html_block" and (details := _DETAILS.match(node.content)):
            block: Block = {"type": "details", "summary": details[2], "blocks": []}
            found.append(block | ({"is_open": True} if details[1] else {}))
            around.append(found)
            found = found[-1]["blocks"]
        elif node.type == "html_block" and node.content.strip().lower() == "</details>" and around:
            found = around.pop()
        elif (made := _block(node)) is not None:
            found.append(made)
    return around[0] if around else found


def _block(node: SyntaxTreeNode) -> Block | None:
    """Return one block; None for HTML, which vanishes."""
    match node.type:
        case "paragraph":
            return _paragraph(node)
        case "heading":
            return {"type": "heading", "text": _inline(node), "size": int(node.tag[1])}
        case "fence" | "code_block":
            language = {"language": node.info.split()[0]} if node.info.strip() else {}
            return {"type": "pre", "text": node.content.rstrip("\n")} | language
        case "bullet_list" | "ordered_list":
            return {"type": "list", "items": [_item(item) for item in node.children]}
        case "blockquote":
            return {"type": "blockquote", "blocks": _blocks(node.children)}
        case "table":
            return {"type": "table", "cells": [_row(row) for part in node.children for row in part.children]}
        case "hr":
            return {"type": "divider"}
        case _:
            return None


def _paragraph(node: SyntaxTreeNode) -> Block:
    source = node.children[0].content.strip()
    if len(source) > 4 and source.startswith("$$") and source.endswith("$$"):
        return {"type": "mathematical_expression", "expression": source[2:-2].strip()}
    return {"type": "paragraph", "text": _inline(node)}


def _item(node: SyntaxTreeNode) -> Block:
    label = f"{node.info}." if node.info else "•"
    item: Block = {"label": label, "blocks": _blocks(node.children)}
    first = item["blocks"][0].get("text") if item["blocks"] else None
    if isinstance(first, list) and first and isinstance(first[0], str) and (task := _TASK.match(first[0])):
        first[0] = first[0][task.end() :]
        item |= {"has_checkbox": True} | ({} if task[1] == " " else {"is_checked": True})
    return item


def _row(node: SyntaxTreeNode) -> list[Block]:
    if len(node.children) > COLUMN_LIMIT:
        raise bad_request("RICH_MESSAGE_TABLE_TOO_WIDE")
    return [
        {
            "text": _inline(cell),
            "align": str(cell.attrs.get("style", "text-align:left")).rpartition(":")[2],
            "valign": "top",
        }
        | ({"is_header": True} if cell.tag == "th" else {})
        for cell in node.children
    ]


def _inline(node: SyntaxTreeNode) -> list[Any]:
    """Return the RichText of a node that holds one inline node."""
    return [piece for child in node.children for piece in _pieces(child.children)]


def _pieces(nodes: Sequence[SyntaxTreeNode]) -> Iterator[Any]:
    for node in nodes:
        match node.type:
            case "text":
                yield node.content
            case "softbreak":
                yield " "
            case "hardbreak":
                yield "\n"
            case "code_inline":
                yield {"type": "code", "text": node.content}
            case "link":
                yield {"type": "url", "text": list(_pieces(node.children)), "url": node.attrs["href"]}
            case "image":
                raise bad_request("WEBPAGE_MEDIA_EMPTY")  # media is fetched; there is none here
            case kind if kind in _STYLES:
                yield {"type": _STYLES[kind], "text": list(_pieces(node.children))}
