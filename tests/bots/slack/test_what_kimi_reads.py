"""Slack's richest messages exactly as Kimi reads them, in a document for people.

After a wanted change, write the document anew: ``python -m tests.bots.slack.test_what_kimi_reads``.
"""

from pathlib import Path
from typing import Any

from core.domain.events import MessageReceived
from core.domain.message_content import MessageRole
from core.prompting.prompt import text_with_speaker
from core.store.history import HistoryMessage
from tests.bots.slack.test_events import envelope, read
from tests.bots.slack.test_message_content import FORWARD, TABLE, rich, word

DOCUMENT = Path(__file__).with_name("what_kimi_reads.md")

ALERT: dict[str, Any] = {
    "id": 1,
    "color": "#a30200",
    "pretext": "<!channel> please look",
    "author_name": "Grafana",
    "title": "[FIRING:1] DiskFull db-7",
    "title_link": "https://grafana.test/alert/7",
    "text": "disk usage is *97 percent*",
    "fields": [{"title": "Host", "value": "db-7", "short": True}, {"title": "Team", "value": "<@U1>"}],
    "footer": "production",
    "fallback": "[FIRING:1] DiskFull db-7",
}
PREVIEW: dict[str, Any] = {"from_url": "https://news.test/a", "title": "News", "text": "a long page"}
INCIDENT: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "Incident 55"}},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*Checkout* is down since <!date^1764460800^{time}|8:00>"},
    },
    {"type": "divider"},
    {
        "type": "section",
        "fields": [{"type": "mrkdwn", "text": "*Severity*\n1"}, {"type": "mrkdwn", "text": "*Lead*\n<@U1>"}],
    },
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "by <https://pd.test|PagerDuty>"}]},
]
STEPS = {
    "type": "rich_text_list",
    "style": "ordered",
    "elements": [
        {"type": "rich_text_section", "elements": [word("open the valve")]},
        {"type": "rich_text_section", "elements": [word("wait ", bold=True), word("10 min")]},
    ],
}
LIST = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [word("Steps:")]}, STEPS]}
CODE = {
    "type": "rich_text",
    "elements": [
        {"type": "rich_text_section", "elements": [word("what is wrong here?")]},
        {"type": "rich_text_preformatted", "elements": [word("if x = 1:\n    pass")]},
    ],
}
QUOTE = rich(word("we ship on Friday"), kind="rich_text_quote")
PLAN = {"id": "F1", "name": "plan.pdf", "mimetype": "application/pdf", "size": 9}
PICTURE = {"id": "F2", "name": "error.png", "mimetype": "image/png", "size": 9}
CANVAS = {
    "id": "F3",
    "name": "Launch plan",
    "mimetype": "application/vnd.slack-docs",
    "filetype": "quip",
    "mode": "quip",
}
CLIP = {"id": "F4", "name": "audio.m4a", "mimetype": "audio/mp4", "subtype": "slack_audio", "size": 9}

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "Words with names and formatting",
        {"text": "<@UBOT> is *this* _right_, <@U1>? See <https://x.test|the page>."},
    ),
    ("中文，带提及", {"text": "<@UBOT> 请把 <#C1|general> 里的结论总结成三点"}),
    (
        "Words in blocks alone",
        {"text": "", "blocks": [rich({"type": "user", "user_id": "UBOT"}, word(" what is 2+2?"))]},
    ),
    ("A numbered list", {"text": "", "blocks": [LIST]}),
    ("Code", {"text": "", "blocks": [CODE]}),
    ("A quote", {"text": "", "blocks": [QUOTE]}),
    (
        "A pasted table",
        {"text": "<@UBOT> which row is the largest?", "attachments": [{"id": 1, "blocks": [TABLE]}]},
    ),
    ("粘贴的表格，没有别的文字", {"text": "<@UBOT>", "attachments": [{"id": 1, "blocks": [TABLE]}]}),
    ("A forwarded message", {"text": "<@UBOT> please summarise this", "attachments": [FORWARD]}),
    ("A forwarded message without words", {"text": "", "attachments": [FORWARD]}),
    (
        "Two forwarded messages",
        {
            "text": "<@UBOT> compare",
            "attachments": [FORWARD, {**FORWARD, "author_name": "Eve", "text": "no", "files": []}],
        },
    ),
    (
        "A forwarded alert",
        {
            "text": "<@UBOT> 这是什么告警？",
            "attachments": [{"is_share": True, "author_name": "Bob", "attachments": [ALERT]}],
        },
    ),
    (
        "An alert of an app",
        {
            "user": None,
            "subtype": "bot_message",
            "bot_id": "B1",
            "username": "Grafana",
            "text": "",
            "attachments": [ALERT],
        },
    ),
    (
        "An incident in blocks",
        {
            "user": None,
            "subtype": "bot_message",
            "bot_id": "B1",
            "username": "PagerDuty",
            "text": "Incident",
            "blocks": INCIDENT,
        },
    ),
    (
        "A link with its preview, which stays out",
        {"text": "<@UBOT> true? <https://news.test/a>", "attachments": [PREVIEW]},
    ),
    ("A file", {"text": "<@UBOT> summarise", "subtype": "file_share", "files": [PLAN]}),
    ("A picture and a file without words", {"text": "", "subtype": "file_share", "files": [PICTURE, PLAN]}),
    ("A canvas", {"text": "<@UBOT> 总结一下", "subtype": "file_share", "files": [CANVAS]}),
    ("A voice clip beside words", {"text": "<@UBOT> and this?", "subtype": "file_share", "files": [CLIP]}),
    ("A group and everybody", {"text": "<@UBOT> tell <!subteam^S1> and <!here> about it"}),
    ("/me", {"text": "asks <@UBOT> for help", "subtype": "me_message"}),
    (
        "A stranger of Slack Connect",
        {"user": "U77", "user_profile": {"display_name": "Mia"}, "text": "<@UBOT> hi"},
    ),
    ("Emoji and entities", {"text": "<@UBOT> is 1 &lt; 2 &amp;&amp; 3 &gt; 2 :thumbsup:?"}),
    ("Characters that nobody sees", {"text": "<@UBOT> hi\u200b\u2060 there\u0000\ud800"}),
)


def document() -> str:
    """Return all messages as Kimi reads them."""
    parts = ["# What Kimi reads of Slack's messages"]
    for title, fields in CASES:
        body = envelope(**fields)
        body["event"] = {name: value for name, value in body["event"].items() if value is not None}
        event = read(body)
        assert isinstance(event, MessageReceived), title
        stored = HistoryMessage(
            seq=1, role=MessageRole.USER, content=event.content, author=event.author.name or event.author.id
        )
        parts.append(f"## {title}\n\n````text\n{text_with_speaker(stored, event.chat_type)}\n````")
    return "\n\n".join(parts) + "\n"


def test_messages_are_read_as_the_document_shows() -> None:
    """We chose these forms; a change of them is a change of every prompt."""
    assert document() == DOCUMENT.read_text(encoding="utf-8")


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
