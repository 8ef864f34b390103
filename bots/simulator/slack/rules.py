"""What Slack's Web API refuses about the content of a message. Pure: no state, no clock.

Numbers follow docs.slack.dev as of 2026-11; those that Slack does not publish were measured by
others on the live service and say so.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Block: TypeAlias = Mapping[str, Any]

MARKDOWN_CHARS = 12_000  #: markdown_text of one call, and all markdown blocks of a message
UPDATE_TEXT_CHARS = 4_000  #: ``text`` of chat.update
POST_TEXT_CHARS = 4_000  #: ``text`` of chat.postMessage; Slack advises it and may refuse more
BLOCKS = 50  #: blocks of one message
BLOCKS_CHARS = 13_200  #: all text of all blocks; unpublished, measured
SECTION_CHARS = 3_000
HEADER_CHARS = 150
BUTTON_TEXT_CHARS = 75
BUTTON_VALUE_CHARS = 2_000
ID_CHARS = 255  #: block_id and action_id
CHUNK_FIELD_CHARS = 256  #: of a title, details or output of a task card; and of a plan's title
STREAM_TASKS = 50  #: task cards of one stream
STREAM_BYTES = 10_600  #: everything one streamed message may hold, as UTF-8; unpublished, measured

_NESTED_LIMITS = {"actions": 25, "context": 10, "context_actions": 5}  #: elements of one block
_PING = re.compile(r"<!(?:channel|here|everyone)(?:\|[^>]*)?>|<!subteam\^[^>]*>|<@[UW][A-Z0-9]+(?:\|[^>]*)?>")
_TS = re.compile(r"\d{10}\.\d{6}")


class SlackRefusal(Exception):
    """The reply ``{"ok": false, "error": …}``; ``extra`` are further keys of it."""

    def __init__(self, error: str, **extra: object) -> None:
        self.error = error
        self.extra = extra
        super().__init__(error)


def check_content(
    *,
    text: str | None,
    markdown_text: str | None,
    blocks: Sequence[Block] | None,
    attachments: Sequence[object] | None,
    text_chars: int,
) -> None:
    """Refuse what chat.postMessage, chat.postEphemeral and chat.update refuse.

    Raises:
        SlackRefusal: markdown_text_conflict, no_text, msg_too_long or a fault of the blocks.
    """
    if markdown_text is not None and (text or blocks):
        raise SlackRefusal("markdown_text_conflict")
    if not (text or markdown_text or blocks or attachments):
        raise SlackRefusal("no_text")
    if text is not None and len(text) > text_chars:
        raise SlackRefusal("msg_too_long")
    check_markdown(markdown_text)
    check_blocks(blocks)


def check_markdown(markdown_text: str | None) -> None:
    """Refuse a ``markdown_text`` over :data:`MARKDOWN_CHARS` with msg_too_long."""
    if markdown_text is not None and len(markdown_text) > MARKDOWN_CHARS:
        raise SlackRefusal("msg_too_long")


def check_blocks(blocks: Sequence[Block] | None) -> None:
    """Refuse blocks that Slack would not show.

    Raises:
        SlackRefusal: invalid_blocks with the list of faults, or msg_blocks_too_long.
    """
    if not blocks:
        return
    faults = [] if len(blocks) <= BLOCKS else [f"no more than {BLOCKS} items allowed [json-pointer:/blocks]"]
    for index, block in enumerate(blocks):
        faults += [f"{fault} [json-pointer:/blocks/{index}{where}]" for where, fault in _faults(block)]
    if faults:
        raise SlackRefusal("invalid_blocks", errors=faults, response_metadata={"messages": faults})
    markdown = sum(len(str(block.get("text", ""))) for block in blocks if block.get("type") == "markdown")
    if markdown > MARKDOWN_CHARS or sum(len(text) for text in texts_of(blocks)) > BLOCKS_CHARS:
        raise SlackRefusal("msg_blocks_too_long")


def _faults(block: Block) -> Iterator[tuple[str, str]]:
    kind = block.get("type")
    if not isinstance(kind, str):
        yield "", "missing required field: type"
        return
    if len(str(block.get("block_id", ""))) > ID_CHARS:
        yield "/block_id", f"must be less than {ID_CHARS + 1} characters"
    limit = {"section": SECTION_CHARS, "header": HEADER_CHARS}.get(kind)
    text = block.get("text")
    if limit is not None and isinstance(text, Mapping):
        yield from _length(str(text.get("text", "")), limit, "/text/text")
    elements = block.get("elements")
    if kind in _NESTED_LIMITS and isinstance(elements, Sequence):
        if len(elements) > _NESTED_LIMITS[kind]:
            yield "/elements", f"no more than {_NESTED_LIMITS[kind]} items allowed"
        for index, element in enumerate(elements):
            for where, fault in _element_faults(element):
                yield f"/elements/{index}{where}", fault


def _element_faults(element: object) -> Iterator[tuple[str, str]]:
    if not isinstance(element, Mapping):
        yield "", "must be an object"
        return
    yield from _length(str(element.get("action_id", "x")), ID_CHARS, "/action_id")
    for name in ("positive_button", "negative_button"):
        button = element.get(name)
        if isinstance(button, Mapping):
            yield from ((f"/{name}{where}", fault) for where, fault in _button_faults(button))
    if element.get("type") in ("button", "icon_button"):
        yield from _button_faults(element)


def _button_faults(button: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    text = button.get("text")
    label = str(text.get("text", "")) if isinstance(text, Mapping) else ""
    if not label:
        yield "/text", "missing required field: text"
    yield from _length(label or "x", BUTTON_TEXT_CHARS, "/text/text")
    yield from _length(str(button.get("value") or "x"), BUTTON_VALUE_CHARS, "/value")


def _length(text: str, limit: int, where: str) -> Iterator[tuple[str, str]]:
    if not text:
        yield where, "must be more than 0 characters"
    if len(text) > limit:
        yield where, f"must be less than {limit + 1} characters"


def check_chunks(chunks: Sequence[Mapping[str, Any]]) -> None:
    """Refuse chunks of a stream that are no chunk.

    Raises:
        SlackRefusal: invalid_chunks, invalid_blocks or msg_too_long.
    """
    for chunk in chunks:
        match chunk:
            case {"type": "markdown_text", "text": str(text)}:
                check_markdown(text)
            case {"type": "task_update", "id": str(), "title": str()}:
                _check_task(chunk)
            case {"type": "plan_update", "title": str(title)} if 0 < len(title) <= CHUNK_FIELD_CHARS:
                pass
            case {"type": "blocks", "blocks": list(blocks)}:
                check_blocks(blocks)
            case _:
                raise SlackRefusal("invalid_chunks")


def _check_task(chunk: Mapping[str, Any]) -> None:
    """Refuse a task card with another shape, a field that is too long, or a source that is no address."""
    match chunk:
        case {"status": "pending" | "in_progress" | "complete" | "error"}:
            pass
        case _:
            raise SlackRefusal("invalid_chunks")
    fields = [chunk["id"], chunk["title"], chunk.get("details", "x"), chunk.get("output", "x")]
    if not all(isinstance(one, str) and 0 < len(one) <= CHUNK_FIELD_CHARS for one in fields):
        raise SlackRefusal("invalid_chunks")
    for source in chunk.get("sources", ()):
        match source:
            case {"type": "url", "url": str(url), "text": str(text), **rest} if text and not rest:
                if not url.startswith(("https://", "http://")):
                    raise SlackRefusal("invalid_chunks")
            case _:
                raise SlackRefusal("invalid_chunks")
    if set(chunk) - {"type", "id", "title", "status", "details", "output", "sources"}:
        raise SlackRefusal("invalid_chunks")


def chunk_bytes(chunk: Mapping[str, Any]) -> int:
    """Return what a chunk counts towards :data:`STREAM_BYTES`: texts and titles once, details twice."""
    once = sum(len(str(chunk.get(key) or "").encode()) for key in ("text", "title"))
    sources = chunk.get("sources", ())
    once += sum(len(f"{source.get('url')}{source.get('text')}".encode()) for source in sources)
    return once + 2 * sum(len(str(chunk.get(key) or "").encode()) for key in ("details", "output"))


def texts_of(value: object) -> Iterator[str]:
    """Yield every string under a ``text`` key, however deep."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "text" and isinstance(inner, str):
                yield inner
            else:
                yield from texts_of(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from texts_of(inner)


def pings_in(text: str) -> list[str]:
    """Return the control sequences of ``text`` that would notify people.

    A backslash before one or backticks around it are not trusted to defuse it.
    """
    return _PING.findall(text)


def mentions(text: str, user: str) -> bool:
    """Tell whether ``text`` mentions ``user``."""
    return f"<@{user}>" in text or f"<@{user}|" in text


def is_ts(value: str) -> bool:
    """Tell whether ``value`` has the form of a message's ts."""
    return _TS.fullmatch(value) is not None
