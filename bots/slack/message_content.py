"""Reads everything that a Slack message says and carries. Pure.

People's clients fill ``text`` with the words of the message and repeat them in a ``rich_text`` block;
tables, forwarded messages and what apps post are in ``blocks`` and ``attachments`` only. Sources:
https://docs.slack.dev/reference/objects/message-object (fields of a message),
https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments (attachments of apps)
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from bots.slack.attachments import attachments_of, recordings_of, unsupported_files
from bots.slack.blocks import button_links, render_blocks, text_object
from bots.slack.incoming_markdown import to_markdown
from bots.slack.rich_text import Json, TextContext, mappings
from core.domain.message_content import (
    ContentKind,
    MessageContent,
    OtherContent,
    ReplyContext,
    UnsupportedContent,
)
from core.text.message_text import render_content
from core.text.quoting import truncate
from core.text.visible_text import clean_text, has_visible_text

MAX_OTHER_CHARS: Final = 8_000  #: of tables, cards and quotes of one message, the rest is marked as left out
MAX_NESTED_SHARES: Final = 3  #: a forwarded message may itself forward one
_PREVIEW_KEYS: Final = ("from_url", "original_url", "app_unfurl_url", "is_app_unfurl")
_NO_FALLBACK: Final = frozenset({"[no preview available]", "no preview available"})
_CHANNEL_IN_FOOTER: Final = re.compile(r"#([\w.-]+)")


def is_by_app(message: Json) -> bool:
    """Return whether an app, a workflow or an integration wrote a message."""
    return bool(message.get("bot_id")) or message.get("subtype") == "bot_message"


def parse_content(message: Json, context: TextContext, *, depth: int = MAX_NESTED_SHARES) -> MessageContent:
    """Return the content of a message object of an event or of the Web API.

    A message that the author forwards is the ``reply`` of theirs: quoted with its author, and with what
    is in it. Previews of links are left out: their pages are not the author's words.

    Raises:
        TypeError: ``text`` is no string.
    """
    text, others = _words(message, context)
    shares = [one for one in mappings(message.get("attachments")) if one.get("is_share") is True]
    quotes = [_parse_share(one, context, depth - 1) for one in shares] if depth else []
    cards = [one for one in mappings(message.get("attachments")) if not _is_quote_or_preview(one)]
    unreadable = False
    for card in cards:
        found = _card(card, context)
        others += found
        unreadable |= not found and not card.get("files")
    others += [_quoted(quote) for quote in quotes[1:]]
    attachments = attachments_of(message)
    attachments += tuple(file for quote in quotes[1:] for file in quote.attachments)
    attachments += tuple(file for card in cards for file in attachments_of(card))
    unsupported = unsupported_files(message)
    if unreadable and not unsupported:
        unsupported = (UnsupportedContent.OTHER,)
    return MessageContent(
        text=text,
        reply=quotes[0] if quotes else None,
        attachments=attachments,
        other=_bounded(one for one in others if not _is_contained(one.text, text)),
        unsupported=unsupported,
    )


def is_same_content(message: Json, other: Json) -> bool:
    """Return whether two versions of a message differ in nothing but previews, marks and replies."""
    return _essence(message) == _essence(other)


def _essence(message: Json) -> tuple[Any, ...]:
    return (
        message.get("text") or "",
        [block for block in mappings(message.get("blocks")) if block.get("type") != "rich_text"],
        [one for one in mappings(message.get("attachments")) if not _is_preview(one)],
        [file.get("id") for file in mappings(message.get("files"))],
    )


def _words(message: Json, context: TextContext) -> tuple[str, list[OtherContent]]:
    """Return a message's words, and the blocks that hold more than these."""
    raw = message.get("text") or ""
    text = clean_text(to_markdown(raw, names=context.names, own_ids=context.own_ids))
    blocks = list(mappings(message.get("blocks")))
    if has_visible_text(raw) and not is_by_app(message):
        # Slack's editor repeats the words in rich_text blocks.
        blocks = [block for block in blocks if block.get("type") != "rich_text"]
        return text, list(render_blocks(blocks, context))
    rendered = render_blocks(blocks, context)
    if not rendered:
        return text if has_visible_text(text) else "", []
    # If there are blocks, clients show ``text`` in notifications only.
    words = "\n\n".join(one.text for one in rendered if one.kind is ContentKind.CARD)
    tables = [one for one in rendered if one.kind is not ContentKind.CARD]
    return clean_text(words), tables


def _is_quote_or_preview(attachment: Json) -> bool:
    return attachment.get("is_share") is True or _is_preview(attachment)


def _is_preview(attachment: Json) -> bool:
    return attachment.get("is_share") is not True and any(attachment.get(key) for key in _PREVIEW_KEYS)


def _parse_share(share: Json, context: TextContext, depth: int) -> ReplyContext:
    """Return a forwarded message; Slack copies its texts, blocks, attachments and files into ``share``."""
    inner = [block for one in mappings(share.get("message_blocks")) for block in _blocks_of(one)]
    blocks = inner or list(mappings(share.get("blocks")))
    content = parse_content(
        {
            "text": share.get("text") or "",
            "blocks": blocks,
            "attachments": share.get("attachments"),
            "files": share.get("files"),
            "bot_id": share.get("bot_id"),
        },
        TextContext(names=context.names),
        depth=depth,
    )
    author_id = str(share.get("author_id") or "")
    names = (share.get("author_name"), context.names.get(author_id), share.get("author_subname"))
    other = list(content.other)
    if content.reply is not None:
        other.append(_quoted(content.reply))
    fallback = share.get("fallback")
    if content.is_blank and isinstance(fallback, str) and fallback not in _NO_FALLBACK:
        other.append(OtherContent(kind=ContentKind.CARD, text=fallback))
    return ReplyContext(
        message_id=str(share.get("ts") or ""),
        author=next((name for name in names if isinstance(name, str) and name), ""),
        author_id=author_id,
        text=content.text,
        by_bot=author_id != "" and author_id in context.own_ids,
        attachments=content.attachments
        + recordings_of(share)
        + (content.reply.attachments if content.reply else ()),
        other=_bounded(other),
        unsupported=content.unsupported,
        channel=_channel_of(share, context),
    )


def _blocks_of(message_blocks: Json) -> Sequence[Json]:
    message = message_blocks.get("message")
    return list(mappings(message.get("blocks"))) if isinstance(message, Mapping) else []


def _channel_of(share: Json, context: TextContext) -> str:
    """Return the name of the channel that a forwarded message was posted in; "" if it is not shown."""
    name = context.names.get(str(share.get("channel_id") or "")) or share.get("channel_name")
    if isinstance(name, str) and name:
        return f"#{name.removeprefix('#')}"
    in_footer = _CHANNEL_IN_FOOTER.search(str(share.get("footer") or ""))
    return f"#{in_footer[1]}" if in_footer else ""


def _card(card: Json, context: TextContext) -> list[OtherContent]:
    """Return an app's attachment: its blocks if it has some, as clients show it, else its fields."""
    if rendered := render_blocks(card.get("blocks"), context):
        pretext = _mrkdwn(card.get("pretext"), context)
        above = [OtherContent(kind=ContentKind.CARD, text=pretext)] if pretext else []
        return [*above, *rendered]
    title, link = _mrkdwn(card.get("title"), context), card.get("title_link")
    if title:
        title = (
            f"[{title}]({link})" if isinstance(link, str) and link and "](" not in title else f"**{title}**"
        )
    parts = [
        _mrkdwn(card.get("pretext"), context),
        text_object(card.get("author_name"), context),
        title,
        _mrkdwn(card.get("text"), context),
        *(_field(one, context) for one in mappings(card.get("fields"))),
        button_links(card.get("actions"), context),
        _mrkdwn(card.get("footer"), context),
    ]
    text = "\n".join(part for part in parts if part)
    fallback = card.get("fallback")
    if not has_visible_text(text) and isinstance(fallback, str) and fallback.lower() not in _NO_FALLBACK:
        text = _mrkdwn(fallback, context)
    if has_visible_text(text) and isinstance(card.get("image_url"), str):
        text += "\n[a picture that could not be read]"
    return [OtherContent(kind=ContentKind.CARD, text=text)] if has_visible_text(text) else []


def _field(field: Json, context: TextContext) -> str:
    title, value = _mrkdwn(field.get("title"), context), _mrkdwn(field.get("value"), context)
    return f"{title}: {value}" if title and value else title or value


def _mrkdwn(value: object, context: TextContext) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return to_markdown(value, names=context.names, own_ids=context.own_ids) if isinstance(value, str) else ""


def _quoted(reply: ReplyContext) -> OtherContent:
    """Return a further forwarded message as text."""
    return OtherContent(kind=ContentKind.CARD, text=render_content(MessageContent(reply=reply)))


def _bounded(others: Iterable[OtherContent]) -> tuple[OtherContent, ...]:
    """Return content, cleaned; beyond :data:`MAX_OTHER_CHARS` characters a mark replaces the rest."""
    kept: list[OtherContent] = []
    left = MAX_OTHER_CHARS
    for one in others:
        if left <= 0:
            break
        text = clean_text(one.text)
        kept.append(OtherContent(kind=one.kind, text=truncate(text, left)))
        left -= len(text)
    return tuple(kept)


def _is_contained(text: str, words: str) -> bool:
    """Return whether ``words`` say what ``text`` says, marks and white space aside."""
    essence = _letters(text)
    return bool(essence) and essence in _letters(words)


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum()).casefold()
