"""Everything that a Slack message says and carries is read, wherever Slack puts it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.slack.attachments import recordings_of
from bots.slack.message_content import MAX_OTHER_CHARS, is_same_content, parse_content
from bots.slack.rich_text import TextContext
from core.domain.message_content import AttachmentKind, ContentKind, UnsupportedContent
from core.text.message_text import render_content

CONTEXT = TextContext(
    names={"U1": "Ada", "U2": "Bob", "C1": "general", "S1": "support"},
    own_ids=frozenset({"UBOT", "BBOT"}),
)


def seen(**message: Any) -> str:
    """Return a message as Kimi reads it."""
    return render_content(parse_content(message, CONTEXT))


def rich(*elements: dict[str, Any], kind: str = "rich_text_section", **more: Any) -> dict[str, Any]:
    """Return a ``rich_text`` block with one element."""
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements), **more}]}


def word(text: str, **style: bool) -> dict[str, Any]:
    """Return an inline text."""
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def raw(text: str) -> dict[str, Any]:
    """Return a table's cell."""
    return {"type": "raw_text", "text": text}


TABLE = {
    "type": "table",
    "rows": [
        [raw("Name"), raw("Amount")],
        [rich(word("Item A", bold=True)), {"type": "raw_number", "value": 1200, "text": "1,200"}],
        [raw("a|b\nc"), {"type": "raw_number", "value": 0}],
        [raw(" ")],
    ],
}
TABLE_TEXT = "| Name | Amount |\n| --- | --- |\n| **Item A** | 1,200 |\n| a\\|b c | 0 |\n|  |  |"


@pytest.mark.parametrize(
    "where",
    [
        {"attachments": [{"id": 1, "fallback": "[no preview available]", "blocks": [TABLE]}]},
        {"blocks": [rich(word("which is largest?")), TABLE]},
    ],
)
def test_a_pasted_table_stands_below_the_words(where: dict[str, Any]) -> None:
    """Slack's clients put tables into an attachment or among the blocks, never into the text."""
    assert seen(text="<@UBOT> which is largest?", **where) == f"which is largest?\n\n{TABLE_TEXT}"
    alone = parse_content({"text": "<@UBOT>", **where}, CONTEXT)
    assert [one.kind for one in alone.other if one.kind is ContentKind.TABLE] == [ContentKind.TABLE]


def test_a_data_table_has_its_caption() -> None:
    """Apps' tables with pages are tables too."""
    block = {"type": "data_table", "caption": "Sales", "rows": [[raw("x")], [raw("1")]]}
    assert seen(text="", bot_id="B1", blocks=[block]) == "Sales\n\n| x |\n| --- |\n| 1 |"


FORWARD = {
    "is_share": True,
    "is_msg_unfurl": True,
    "author_id": "U2",
    "author_name": "Bob",
    "channel_id": "C1",
    "ts": "1.2",
    "text": "The invoice *4711* is due",
    "from_url": "https://x.slack.com/archives/C1/p12",
    "fallback": "[November 1st] bob: The invoice",
    "files": [{"id": "F1", "name": "invoice.pdf", "mimetype": "application/pdf", "size": 7}],
}
FORWARD_TEXT = "Bob wrote in #general:\n> The invoice **4711** is due\n>\n> [attached: invoice.pdf]"


def test_a_forwarded_message_is_quoted_with_its_author() -> None:
    """With the sender's words or without, the forwarded words are never the sender's own."""
    content = parse_content({"text": "<@UBOT> summarise", "attachments": [FORWARD]}, CONTEXT)
    assert render_content(content) == f"{FORWARD_TEXT}\n\nsummarise"
    assert [one.name for one in content.all_attachments] == ["invoice.pdf"]
    assert seen(text="", attachments=[FORWARD]) == FORWARD_TEXT


def test_a_forward_of_an_alert_a_table_and_a_forward_is_read() -> None:
    """What is in a forwarded message comes with it, however the original carried it."""
    inner = {"message": {"blocks": [rich(word("numbers:")), TABLE]}}
    nested = {**FORWARD, "author_name": "Eve", "text": "original", "files": []}
    share = {
        "is_share": True,
        "author_name": "Bob",
        "message_blocks": [inner],
        "attachments": [{"title": "Disk", "text": "full"}, nested],
    }
    text = seen(text="look", attachments=[share])
    for part in ("numbers:", "| Name | Amount |", "**Disk**", "full", "Eve wrote in #general:", "original"):
        assert part in text
    assert text.endswith("\n\nlook")


def test_two_forwards_both_come() -> None:
    """Only the first can be what the message replies to; the second is quoted below the words."""
    other = {**FORWARD, "author_name": "Eve", "text": "second", "files": [{"id": "F2", "name": "b.txt"}]}
    content = parse_content({"text": "compare", "attachments": [FORWARD, other]}, CONTEXT)
    text = render_content(content)
    assert text.index("4711") < text.index("compare") < text.index("> second")
    assert [one.name for one in content.all_attachments] == ["b.txt", "invoice.pdf"]


@pytest.mark.parametrize(
    "preview",
    [
        {"from_url": "https://news.test/a", "title": "News", "text": "long page"},
        {"original_url": "https://x.test", "service_name": "X", "title": "X"},
        {"is_msg_unfurl": True, "from_url": "https://t.slack.com/archives/C1/p1", "text": "some message"},
        {"is_app_unfurl": True, "app_unfurl_url": "https://jira.test/1", "blocks": [rich(word("JIRA-1"))]},
    ],
)
def test_previews_of_links_stay_out(preview: dict[str, Any]) -> None:
    """The page behind a link is not what the person wrote."""
    assert seen(text="see <https://news.test/a>", attachments=[preview]) == "see https://news.test/a"


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (
            {
                "blocks": [
                    {
                        "type": "container",
                        "rich_text_title": rich(word("Orders")),
                        "child_blocks": [
                            {"type": "section", "text": {"type": "mrkdwn", "text": "*7* open"}},
                            {"type": "table", "rows": [[{"type": "raw_text", "text": "no"}]]},
                        ],
                    }
                ]
            },
            "Orders\n\n**7** open\n\n| no |\n| --- |",
        ),
        (
            {
                "blocks": [
                    {
                        "type": "data_visualization",
                        "title": "Pies",
                        "chart": {"type": "pie", "segments": [{"label": "Apple", "value": 45}]},
                    }
                ]
            },
            "**Pies**\n\n- Apple: 45",
        ),
        (
            {
                "blocks": [
                    {
                        "type": "data_visualization",
                        "title": "Sales",
                        "chart": {
                            "type": "line",
                            "series": [
                                {"name": "2025", "data": [{"label": "Jan", "value": 4.5}]},
                                {"name": "2026", "data": [{"label": "Jan", "value": 6}]},
                            ],
                            "axis_config": {"categories": ["Jan"], "x_label": "month"},
                        },
                    }
                ]
            },
            "**Sales**\n\n| month | 2025 | 2026 |\n| --- | --- | --- |\n| Jan | 4.5 | 6 |",
        ),
        (
            {"attachments": [{"title": "CPU", "text": "90 %", "image_url": "https://g.test/cpu.png"}]},
            "**CPU**\n90 %\n[a picture that could not be read]",
        ),
        (
            {"attachments": [{"title": "[FIRING:1] DiskFull db-7", "text": "disk usage 97 percent"}]},
            "**[FIRING:1] DiskFull db-7**\ndisk usage 97 percent",
        ),
        (
            {
                "attachments": [
                    {
                        "pretext": "Alert",
                        "author_name": "Grafana",
                        "title": "CPU",
                        "title_link": "https://g.test/d",
                        "fields": [{"title": "Host", "value": "`db-7`"}, {"title": "Load", "value": 12}],
                        "footer": "prod",
                        "fallback": "CPU high",
                    }
                ]
            },
            "Alert\nGrafana\n[CPU](https://g.test/d)\nHost: `db-7`\nLoad: 12\nprod",
        ),
        (
            {"attachments": [{"fallback": "Build 12 <https://ci.test|failed>"}]},
            "Build 12 [failed](https://ci.test)",
        ),
        (
            {
                "text": "notification only",
                "blocks": [
                    {"type": "header", "text": {"type": "plain_text", "text": "Incident 55"}},
                    {"type": "section", "text": {"type": "mrkdwn", "text": "*checkout* is down"}},
                    {"type": "divider"},
                    {
                        "type": "section",
                        "fields": [{"type": "mrkdwn", "text": "Team"}, {"type": "plain_text", "text": "Pay"}],
                    },
                    {"type": "context", "elements": [{"type": "mrkdwn", "text": "by <@U1>"}]},
                    {"type": "actions", "elements": [{"type": "button", "text": {"text": "Ack"}}]},
                ],
            },
            "**Incident 55**\n\n**checkout** is down\n\nTeam\nPay\n\nby @Ada",
        ),
        (
            {
                "blocks": [
                    {
                        "type": "section",
                        "text": {"type": "mrkdwn", "text": "Build 12 failed"},
                        "accessory": {"type": "button", "text": {"text": "Log"}, "url": "https://ci.test/12"},
                    },
                    {
                        "type": "actions",
                        "elements": [
                            {"type": "button", "text": {"text": "Retry"}},
                            {"type": "button", "text": {"text": "Diff [2]"}, "url": "https://git.test/(2)"},
                            {
                                "type": "overflow",
                                "options": [{"text": {"text": "Run"}, "url": "https://r.test"}],
                            },
                        ],
                    },
                ]
            },
            (
                "Build 12 failed\n- [Log](https://ci.test/12)\n\n"
                "- [Diff \\[2\\]](https://git.test/%282%29)\n- [Run](https://r.test)"
            ),
        ),
        (
            {
                "attachments": [
                    {
                        "text": "Deploy?",
                        "actions": [
                            {"type": "button", "text": "Plan", "url": "https://d.test"},
                            {"type": "button", "text": "Yes", "value": "y"},
                        ],
                    }
                ]
            },
            "Deploy?\n- [Plan](https://d.test)",
        ),
        ({"blocks": [{"type": "markdown", "text": "# Hi\n- a"}]}, "# Hi\n- a"),
        (
            {"blocks": [{"type": "image", "alt_text": "a graph", "image_url": "https://i.test"}]},
            "[picture: a graph]",
        ),
        (
            {"blocks": [{"type": "video", "title": {"text": "Demo"}, "title_url": "https://v.test"}]},
            "Video: Demo https://v.test",
        ),
        (
            {
                "blocks": [
                    {"type": "card", "title": {"type": "plain_text", "text": "T"}, "body": {"text": "B"}}
                ]
            },
            "T\n\nB",
        ),
        (
            {
                "blocks": [
                    {"type": "plan", "title": "Plan", "tasks": [{"type": "task_card", "title": "one"}]},
                ]
            },
            "Plan\n\none",
        ),
        ({"text": "plain words of an app"}, "plain words of an app"),
    ],
)
def test_what_apps_post_is_read(message: dict[str, Any], text: str) -> None:
    """Alerts, cards and incidents carry their words in attachments and blocks."""
    assert seen(subtype="bot_message", bot_id="B1", **message) == text


def test_what_stands_twice_comes_once() -> None:
    """``rich_text`` repeats the text of a person, and a section may repeat it too."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "*what* is up?"}}
    assert seen(text="*what* is up?", blocks=[rich(word("what is up?")), section]) == "**what** is up?"


def test_words_that_are_only_in_blocks_are_the_persons() -> None:
    """If ``text`` is empty the blocks say it."""
    block = rich(
        {"type": "user", "user_id": "UBOT"}, word(": What is the capital of "), word("France", bold=True)
    )
    assert seen(text="", blocks=[block]) == "What is the capital of **France**"


@pytest.mark.parametrize(
    ("block", "text"),
    [
        (
            {
                "type": "rich_text",
                "elements": [
                    {"type": "rich_text_section", "elements": [word("Todo:")]},
                    {
                        "type": "rich_text_list",
                        "style": "ordered",
                        "indent": 0,
                        "elements": [{"elements": [word("one")]}, {"elements": [word("two")]}],
                    },
                    {
                        "type": "rich_text_list",
                        "style": "bullet",
                        "indent": 1,
                        "elements": [{"elements": [word("sub")]}],
                    },
                    {
                        "type": "rich_text_list",
                        "style": "ordered",
                        "indent": 0,
                        "offset": 2,
                        "elements": [{"elements": [word("three")]}],
                    },
                ],
            },
            "Todo:\n\n1. one\n2. two\n    - sub\n3. three",
        ),
        (rich(word("a\nb"), kind="rich_text_quote"), "> a\n> b"),
        (
            rich(word("x = `1`\n"), kind="rich_text_preformatted", language="python"),
            "```python\nx = `1`\n```",
        ),
        (rich(word("```"), kind="rich_text_preformatted"), "````\n```\n````"),
        (rich(word("both", bold=True, italic=True), word(" "), word("f(x)", code=True)), "**_both_** `f(x)`"),
        (rich(word("gone ", strike=True), word("here")), "~~gone~~ here"),
        (
            rich(
                {"type": "link", "url": "https://a.b"},
                word(" "),
                {"type": "link", "url": "https://a.b", "text": "page"},
            ),
            "https://a.b [page](https://a.b)",
        ),
        (
            rich(
                {"type": "user", "user_id": "U1"},
                word(" "),
                {"type": "channel", "channel_id": "C1"},
                word(" "),
                {"type": "usergroup", "usergroup_id": "S1"},
                word(" "),
                {"type": "broadcast", "range": "here"},
                word(" "),
                {"type": "user", "user_id": "U9"},
            ),
            "@Ada #general @support @here @U9",
        ),
        (
            rich(
                {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fb"},
                {"type": "emoji", "name": "party-blob"},
            ),
            "👋🏻:party-blob:",
        ),
        (
            rich({"type": "date", "timestamp": 1720710212, "format": "{date}", "fallback": "July 11"}),
            "July 11",
        ),
        (rich({"type": "color", "value": "#F405B3"}), "#F405B3"),
        (rich({"type": "something_new", "x": 1}, word("kept")), "kept"),
    ],
)
def test_the_editors_blocks_become_markdown(block: dict[str, Any], text: str) -> None:
    """Lists, quotes, code, emphasis, mentions, emoji and dates read as they were written."""
    assert seen(text="", blocks=[block]) == text


def test_much_content_is_bounded_with_a_mark() -> None:
    """A table of a thousand rows does not fill the prompt, and says that it was cut."""
    table = {"type": "table", "rows": [[raw("cell " * 10)]] * 1000}
    text = seen(text="sum?", attachments=[{"blocks": [table]}])
    assert len(text) < MAX_OTHER_CHARS + 100
    assert text.endswith("… [the rest is left out]")


def test_what_cannot_be_read_is_named() -> None:
    """A recording beside words, and an attachment of which nothing can be told."""
    clip = {"id": "F1", "mimetype": "audio/mp4", "subtype": "slack_audio"}
    assert parse_content({"text": "hi", "files": [clip]}, CONTEXT).unsupported == (UnsupportedContent.VOICE,)
    empty = {"id": 1, "fallback": "[no preview available]"}
    assert parse_content({"text": "hi", "attachments": [empty]}, CONTEXT).unsupported == (
        UnsupportedContent.OTHER,
    )


def test_recordings_are_files_for_people() -> None:
    """The bot does not read a clip; a desk can pass it on. Beside another file it is one of the files."""
    clip = {"id": "F1", "mimetype": "audio/mp4", "subtype": "slack_audio", "name": "audio_message.m4a"}
    (file,) = recordings_of({"files": [clip]})
    assert (file.kind, file.name) == (AttachmentKind.AUDIO, "audio_message.m4a")
    assert recordings_of({"files": [clip, {"id": "F2", "mimetype": "image/png"}]}) == ()
    assert recordings_of({}) == ()


def test_text_that_is_none_is_cleaned() -> None:
    """NUL and halves of surrogate pairs would be refused by a database."""
    table = {"type": "table", "rows": [[raw("a\x00b\ud83d")]]}
    assert "\x00" not in seen(text="x\x00y", attachments=[{"blocks": [table], "title": "\ud83d"}])
    content = parse_content({"text": "x\x00y\ud800", "attachments": [{"blocks": [table]}]}, CONTEXT)
    assert content.text == "xy"
    render_content(content).encode()
    assert "\x00" not in seen(text="x", blocks=[table])
    assert seen(text="", blocks=[table]).splitlines()[0] == "| ab |"


def test_only_changes_that_people_see_are_changes() -> None:
    """An unfurled link adds an attachment and changes nothing; a new table or file does."""
    before = {"text": "a", "blocks": [rich(word("a"))], "files": [{"id": "F1"}]}
    preview = {"from_url": "https://a.b", "text": "page"}
    assert is_same_content({**before, "attachments": [preview], "blocks": []}, before)
    assert not is_same_content({**before, "attachments": [FORWARD]}, before)
    assert not is_same_content({**before, "files": []}, before)
    assert not is_same_content({**before, "blocks": [TABLE]}, before)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "type",
                    "text",
                    "elements",
                    "rows",
                    "fields",
                    "blocks",
                    "title",
                    "is_share",
                    "files",
                    "style",
                    "call",
                )
            )
            | st.text(max_size=4),
            inner
            | st.sampled_from(("rich_text", "table", "section", "mrkdwn", "rich_text_list", "image", "call")),
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=30)
@given(blocks=JSON, attachments=JSON, files=JSON)
def test_any_shape_can_be_read(blocks: Any, attachments: Any, files: Any) -> None:
    """Slack adds block types without notice: no shape of them costs the words."""
    content = parse_content(
        {"text": "words", "blocks": blocks, "attachments": attachments, "files": files}, CONTEXT
    )
    assert content.text == "words"
    render_content(content).encode()
