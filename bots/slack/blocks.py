"""Renders Block Kit blocks as Markdown: what apps post, and the tables that people paste. Pure.

Source: https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from bots.slack.charts import chart_markdown
from bots.slack.incoming_markdown import to_markdown
from bots.slack.rich_text import Json, TextContext, mappings, rich_text_markdown
from core.domain.message_content import ContentKind, OtherContent
from core.text.quoting import markdown_link
from core.text.visible_text import has_visible_text

MAX_DEPTH: Final = 8  #: levels of unknown blocks that are searched for texts
_TEXT_KEYS: Final = (
    "rich_text_title",
    "title",
    "subtitle",
    "text",
    "description",
    "body",
    "details",
    "output",
    "hint",
)
_CHILDREN_KEYS: Final = ("elements", "blocks", "child_blocks", "items", "tasks", "fields", "cards", "actions")
_CONTROLS: Final = ("button", "workflow_button", "overflow", "feedback_buttons", "icon_button", "input")


def render_blocks(blocks: object, context: TextContext) -> tuple[OtherContent, ...]:
    """Return the blocks of a message in their order, neighbours that are no table as one card."""
    found: list[OtherContent] = []
    for block in mappings(blocks):
        is_table = _is_table(block)
        text = _table(block, context) if is_table else _block(block, context, MAX_DEPTH)
        if not has_visible_text(text):
            continue
        if not is_table and found and found[-1].kind is ContentKind.CARD:
            text = f"{found.pop().text}\n\n{text}"
        found.append(OtherContent(kind=ContentKind.TABLE if is_table else ContentKind.CARD, text=text))
    return tuple(found)


def text_object(value: object, context: TextContext) -> str:
    """Return a text object (``mrkdwn``, ``plain_text`` or ``markdown``) or a bare string as Markdown."""
    if isinstance(value, Mapping) and value.get("type") == "rich_text":
        return rich_text_markdown(value, context)
    match value:
        case {"type": "mrkdwn", "text": str(text)}:
            return to_markdown(text, names=context.names, own_ids=context.own_ids)
        case {"text": str(text)} | str(text):
            return text.strip()
        case _:
            return ""


def _is_table(block: Json) -> bool:
    return block.get("type") in ("table", "data_table")


def _block(block: Json, context: TextContext, depth: int) -> str:
    match block.get("type"):
        case "rich_text":
            return rich_text_markdown(block, context)
        case "header":
            return _bold(text_object(block.get("text"), context))
        case "section":
            return _section(block, context)
        case "context":
            return " ".join(filter(None, (_element(one, context) for one in mappings(block.get("elements")))))
        case "image":
            return _image(block, context)
        case "video":
            title, url = text_object(block.get("title"), context), block.get("title_url")
            return f"Video: {title} {url if isinstance(url, str) else ''}".strip()
        case "call":
            return _call(block)
        case "data_visualization":
            title = _bold(text_object(block.get("title"), context))
            return "\n\n".join(filter(None, (title, chart_markdown(block.get("chart")))))
        case "actions" | "context_actions":
            return button_links(block.get("elements"), context)
        case _:
            return "\n\n".join(filter(None, dict.fromkeys(_texts(block, context, depth))))


def _bold(title: str) -> str:
    return f"**{title}**" if title else ""


def button_links(controls: object, context: TextContext) -> str:
    """Return the links on buttons and in overflow menus, one a line; other controls say nothing."""
    linked = [one for control in mappings(controls) for one in (control, *mappings(control.get("options")))]
    return "\n".join(
        f"- {markdown_link(text_object(one.get('text'), context), url)}"
        for one in linked
        if isinstance(url := one.get("url"), str) and url
    )


def _section(block: Json, context: TextContext) -> str:
    fields = block.get("fields")
    parts = [text_object(block.get("text"), context)]
    parts += [text_object(one, context) for one in (fields if isinstance(fields, list) else ())]
    accessory = block.get("accessory")
    if isinstance(accessory, Mapping) and accessory.get("type") == "image":
        parts.append(_image(accessory, context))
    parts.append(button_links([accessory], context))
    return "\n".join(part for part in parts if part)


def _element(element: Json, context: TextContext) -> str:
    return _image(element, context) if element.get("type") == "image" else text_object(element, context)


def _image(image: Json, context: TextContext) -> str:
    """Return the words about a picture; the picture itself lies on the open web, and is not fetched."""
    label = text_object(image.get("title"), context) or text_object(image.get("alt_text"), context)
    return f"[picture: {label}]" if label else ""


def _call(block: Json) -> str:
    call = block.get("call")
    details = call.get("v1") if isinstance(call, Mapping) else None
    if not isinstance(details, Mapping):
        return ""
    return f"Call: {details.get('name') or ''} {details.get('join_url') or ''}".strip()


def _texts(value: object, context: TextContext, depth: int) -> Iterator[str]:
    """Yield the texts in a block of unknown type, controls left out."""
    if depth == 0 or not isinstance(value, Mapping) or value.get("type") in _CONTROLS:
        return
    for key in _TEXT_KEYS:
        if text := text_object(value.get(key), context):
            yield text
    for key in _CHILDREN_KEYS:
        for one in mappings(value.get(key)):
            if one.get("type") in _CONTROLS:
                yield button_links([one], context)
                continue
            yield _table(one, context) if _is_table(one) else _block(one, context, depth - 1)


def _table(block: Json, context: TextContext) -> str:
    """Return a table as Markdown; its first row is the heading."""
    caption = text_object(block.get("caption"), context)
    rows = [
        [_cell(cell, context) for cell in row] for row in block.get("rows") or () if isinstance(row, list)
    ]
    width = max(map(len, rows), default=0)
    if not width:
        return caption
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    lines.insert(1, f"|{' --- |' * width}")
    return "\n".join([*([caption, ""] if caption else []), *lines])


def _cell(cell: Any, context: TextContext) -> str:
    """Return one cell on one line; ``raw_number`` cells have a ``value`` and may have a ``text``."""
    match cell:
        case {"type": "rich_text"}:
            text = rich_text_markdown(cell, context)
        case {"text": str(text)} if text:
            pass
        case {"value": value} if value is not None:
            text = str(value)
        case {"elements": list(elements)}:
            text = " ".join(filter(None, (_element(one, context) for one in mappings(elements))))
        case _:
            text = ""
    return " ".join(text.replace("|", "\\|").split())
