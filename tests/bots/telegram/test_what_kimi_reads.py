"""Telegram's richest messages exactly as Kimi reads them, in a document for people.

After a wanted change, write the document anew: ``python -m tests.bots.telegram.test_what_kimi_reads``.
"""

from pathlib import Path
from typing import Any

from bots.simulator.telegram import contents
from bots.simulator.telegram.media import media_json
from core.domain.addresses import ChatType
from core.domain.message_content import MessageRole
from core.prompting.prompt import text_with_speaker
from core.store.history import HistoryMessage
from tests.bots.telegram.test_events import FORUM, GROUP, MOON, PRIVATE, message
from tests.bots.telegram.test_message_content import BEN, MEDIA, NEWS, ORIGINS, OTHER, said

DOCUMENT = Path(__file__).with_name("what_kimi_reads.md")


def theirs(text: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a message of Ben's in the group."""
    return message(GROUP, text, message_id=10, **more) | {"from": BEN}


def cases() -> list[tuple[str, dict[str, Any], str | None, dict[str, Any]]]:
    """Return (title, chat, text, further fields) of each message."""
    channel = contents.by_channel(NEWS)
    answer = message(GROUP, "1. Brocken\n2. Zugspitze\n3. Feldberg", message_id=10) | {"from": MOON}
    table = "| town | height |\n|---|---|\n| Goslar | 255 m |"
    found: list[tuple[str, dict[str, Any], str | None, dict[str, Any]]] = [
        (
            f"A {kind.replace('_', ' ')} with a caption",
            PRIVATE,
            None,
            {"caption": "look", **media_json(kind, "f", 9)},
        )
        for kind, _ in MEDIA
        if kind != "sticker"
    ]
    found += [("Other content", PRIVATE, None, dict(content)) for content, _ in OTHER]
    found += [
        ("A forwarded message", PRIVATE, "Prices rise.", {"forward_origin": origin}) for origin, _ in ORIGINS
    ]
    return [
        *found,
        (
            "A mention under a photo",
            GROUP,
            "@moon_bot",
            {"reply_to_message": theirs(**media_json("photo", "f", 9))},
        ),
        (
            "A question under a file with a caption",
            FORUM,
            "@moon_bot summarise",
            {
                "reply_to_message": theirs(
                    caption="the plan", **media_json("document", "f", 9, name="plan.txt")
                )
            },
        ),
        (
            "A question under a poll",
            GROUP,
            "@moon_bot which wins?",
            {"reply_to_message": theirs(**dict(OTHER[3][0]))},
        ),
        (
            "A question under a sticker",
            GROUP,
            "@moon_bot why?",
            {"reply_to_message": theirs(**media_json("sticker", "f", 9))},
        ),
        (
            "A question under a recording",
            GROUP,
            "@moon_bot what?",
            {"reply_to_message": theirs(**media_json("voice", "f", 9))},
        ),
        (
            "A question under a forward",
            GROUP,
            "@moon_bot true?",
            {"reply_to_message": theirs("Prices rise.", forward_origin=channel)},
        ),
        ("A question under a table", GROUP, "@moon_bot higher?", {"reply_to_message": theirs(table)}),
        (
            "A chosen part of the bot's own answer",
            GROUP,
            "why is it famous?",
            {"reply_to_message": answer, "quote": {"text": "Feldberg", "position": 27, "is_manual": True}},
        ),
        (
            "A reply to a picture of another chat",
            PRIVATE,
            "what is on it?",
            {"external_reply": {"origin": channel, **media_json("photo", "f", 9)}},
        ),
    ]


def document() -> str:
    """Return all messages as Kimi reads them."""
    parts = ["# What Kimi reads of Telegram's messages"]
    for title, chat, text, fields in cases():
        event = said(chat, text, **fields)
        stored = HistoryMessage(seq=1, role=MessageRole.USER, content=event.content, author=event.author.name)
        chat_type = ChatType.DIRECT if chat is PRIVATE else ChatType.GROUP
        parts.append(f"## {title}\n\n```text\n{text_with_speaker(stored, chat_type)}\n```")
    return "\n\n".join(parts) + "\n"


def test_messages_are_read_as_the_document_shows() -> None:
    """We chose these forms; a change of them is a change of every prompt."""
    assert document() == DOCUMENT.read_text(encoding="utf-8")


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
