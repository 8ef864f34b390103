"""Rich messages: what is sent as one, how its Markdown is written, and how it is read back."""

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from telegram import Message

from bots.simulator.telegram import TelegramSimulator
from bots.simulator.telegram.rich import checked_rich, text_of
from bots.telegram.app import TelegramApp
from bots.telegram.entities import entities_of, rich_markdown_of
from bots.telegram.incoming_rich import rich_message_markdown
from bots.telegram.render import TelegramRichRenderer
from bots.telegram.rich_markdown import to_rich_markdown
from bots.telegram.surface import TelegramMessageChannel
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import DeliveryModeName, RenderedMessage
from core.domain.buttons import ActionButton
from core.domain.clock import Clock
from core.domain.errors import PlatformOutcomeUnknown, PlatformRateLimited, PlatformUnavailable

CORPUS = sorted((Path(__file__).parents[2] / "corpus").glob("*.md"))
TABLE = "**Two** rows:\n\n| a | b |\n|---|---|\n| 1 | `x<y` |\n| 2 | c |"
SHOWN = "Two rows:\na | b\n1 | x<y\n2 | c"


def page(markdown: str) -> RenderedMessage:
    """Return the finished page of a short answer."""
    [made] = TelegramRichRenderer().render(markdown, complete=True)
    return made


def read_as(markdown: str) -> str:
    """Return how the stand-in, which reads GitHub's Markdown with HTML, shows it."""
    return text_of(checked_rich({"markdown": to_rich_markdown(markdown)}))


@pytest.mark.parametrize(
    ("markdown", "gains"),
    [
        ("Only words, and `code`.", False),
        ("```\n| a | b |\n|---|---|\n```", False),
        ("- one\n- two", False),
        ("```\n<details>\n```", False),
        ("It costs $5.", False),
        ("| a | b |\n|---|---|\n| 1 | 2 |", True),
        ("- [ ] open\n- [x] done", True),
        ("$$\nE = mc^2\n$$", True),
        ("\\[ E = mc^2 \\]", True),
        ("<details><summary>More</summary>\nhidden\n</details>", True),
        ("<details><summary>More</summary>\n$$x$$\n\n$$\nx\n$$\n</details>", False),
        (f"|{' a |' * 21}\n|{'---|' * 21}\n|{' 1 |' * 21}", False),
    ],
)
def test_only_what_gains_by_it_is_rich(markdown: str, gains: bool) -> None:
    """Tables, task lists, formulas of their own line and details are; formulas in details never."""
    assert bool(to_rich_markdown(markdown)) is gains
    assert bool(rich_markdown_of(page(markdown))) is gains


def test_only_finished_pages_are_rich() -> None:
    """While a page grows it is text with entities, and its entities stay with its rich form."""
    pager = TelegramRichRenderer()
    [growing] = pager.render(TABLE, complete=False)
    [finished] = pager.render(TABLE, complete=True)
    assert (rich_markdown_of(growing), bool(rich_markdown_of(finished))) == ("", True)
    assert [entity.type for entity in entities_of(finished)] == ["bold", "pre"]
    assert growing != finished


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("one\ntwo", "one\ntwo"),
        ("> one\n> two", "one\ntwo"),
        ("Vec<T> and <b>", "Vec<T> and <b>"),
        ("`Vec<T>`", "Vec<T>"),
        ("a == b, ==c==", "a == b, ==c=="),
        ("$5 or $6", "$5 or $6"),
        ("![a chart](https://a.b/c.png)", "a chart"),
        ("above\n---\nbelow", "above\n———\nbelow"),
        ("1. one\n   more\n2. two", "1. one\nmore\n2. two"),
    ],
)
def test_nothing_is_read_otherwise_than_meant(markdown: str, shown: str) -> None:
    """Line ends, angle brackets, equals signs, dollars and pictures stay what they are."""
    assert read_as(f"{markdown}\n\n- [ ] task") == f"{shown}\n• ☐ task"


def test_a_table_keeps_pipes_in_code_and_long_rows() -> None:
    """A pipe within code splits no cell, and cells beyond the header's count are not lost."""
    table = "| a | b |\n|---|:-:|\n| `x|y` | 1 | extra |\n| 2 |\nafter"
    assert read_as(table) == "a | b | \nx|y | 1 | extra\n2 |  | \nafter"


def test_details_hold_markdown_and_end_where_they_end() -> None:
    """The blank lines that make their content Markdown are put in."""
    markdown = "<details><summary>More</summary>\n- **hidden**\n</details>\nafter"
    assert read_as(markdown) == "▸ More\n• hidden\nafter"


def test_a_formula_is_one_line_without_angle_brackets() -> None:
    """All ways to write one become dollars, and "<" the command that means it."""
    assert read_as("$$\na < b\n$$") == r"a \lt b"
    assert read_as("\\[\na\n\\]") == "a"


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_no_word_of_the_corpus_is_lost(path: Path) -> None:
    """Every word that text with entities shows is shown by the rich form too."""
    for finished in TelegramRichRenderer().render(path.read_text(), complete=True):
        if rich := rich_markdown_of(finished):
            shown = text_of(checked_rich({"markdown": rich}))
            plain = finished.text.replace("(http", " http")
            words = [word for word in plain.split() if unicodedata.is_normalized("NFKC", word)]  # no formulas
            missing = [word for word in words if word.isalnum() and word not in shown]
            assert missing == []


@pytest.fixture
async def surface(make_app: Callable[..., TelegramApp]) -> TelegramMessageChannel:
    """Return the surface of a connected bot with rich messages on."""
    app = make_app(call_timeout_s=0.3, rich=True)
    await app.connect()
    return app.message_channel


@pytest.fixture
def ann(telegram: TelegramSimulator) -> int:
    """Return a person with an open private chat."""
    return telegram.private_chat(telegram.add_person("Ann"))


def at(chat: int) -> Address:
    """Address a chat as events do."""
    kind = {"chat": "private" if chat > 0 else "group", "said_in": str(chat)}
    return Address(key=ThreadKey(platform="telegram", tenant="1", channel=str(chat), thread=""), details=kind)


PLAIN = RenderedMessage(markdown="Two", text="Two")


@pytest.mark.parametrize("posted", [True, False])
async def test_a_finished_page_becomes_rich(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int, posted: bool
) -> None:
    """The last frame, an edit or the only post, carries blocks and buttons and no text."""
    buttons = (ActionButton.RETRY,)
    if posted:
        await surface.post(
            at(ann), page(TABLE), mode=DeliveryModeName.EDIT, idempotency_key="", buttons=buttons, final=True
        )
    else:
        ref = await surface.post(at(ann), PLAIN, mode=DeliveryModeName.EDIT, idempotency_key="")
        await surface.edit(at(ann), ref, page(TABLE), previous=PLAIN, final=True, buttons=buttons)
    [shown] = telegram.screen.in_channel(str(ann))
    assert (shown.text, [block["type"] for block in shown.blocks]) == (SHOWN, ["paragraph", "table"])
    assert [value for _, value in shown.buttons] == ["retry"]
    assert "text" not in telegram.calls[-1].params


async def test_a_rich_message_can_become_plain_again(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """A second try replaces it like any message; the same content again is success."""
    ref = await surface.post(at(ann), page(TABLE), mode=DeliveryModeName.EDIT, idempotency_key="")
    await surface.edit(at(ann), ref, page(TABLE), previous=None, final=True)
    await surface.edit(at(ann), ref, PLAIN, previous=None, final=False)
    [shown] = telegram.screen.in_channel(str(ann))
    assert (shown.text, shown.blocks) == ("Two", ())


@pytest.mark.parametrize("posted", [True, False])
async def test_an_old_server_is_asked_once(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int, clock: Clock, posted: bool
) -> None:
    """The first try is told as a failure, the next one sends entities, and no other page is tried."""
    telegram.rich_available = False
    ref = await surface.post(at(ann), PLAIN, mode=DeliveryModeName.EDIT, idempotency_key="")

    async def show(markdown: str) -> None:
        if posted:
            await surface.post(
                at(ann), page(markdown), mode=DeliveryModeName.EDIT, idempotency_key="", final=True
            )
        else:
            await surface.edit(at(ann), ref, page(markdown), previous=None, final=True)

    with pytest.raises(PlatformUnavailable):
        await show(TABLE)
    await clock.sleep(3)
    await show(TABLE)
    await show(f"{TABLE}\n| 3 | d |")
    assert [shown.text.startswith("Two rows:\n\na | b") for shown in telegram.screen.in_channel(str(ann))][-1]
    assert sum("rich_message" in call.params for call in telegram.calls) == (0 if posted else 1)


async def test_a_refused_page_is_sent_as_entities(
    telegram: TelegramSimulator, surface: TelegramMessageChannel, ann: int
) -> None:
    """A page that Telegram does not take as a rich message is plain from then on; others are rich."""
    broken = RenderedMessage(markdown="x", text="x", payload=({"rich": "![a](https://a.b/c)"},))
    with pytest.raises(PlatformUnavailable):
        await surface.post(at(ann), broken, mode=DeliveryModeName.EDIT, idempotency_key="")
    await surface.post(at(ann), broken, mode=DeliveryModeName.EDIT, idempotency_key="")
    await surface.post(at(ann), page(TABLE), mode=DeliveryModeName.EDIT, idempotency_key="")
    assert [shown.text for shown in telegram.screen.in_channel(str(ann))] == ["x", SHOWN]


@pytest.mark.parametrize(
    ("posted", "kind", "error"),
    [
        (True, "lost_reply", PlatformOutcomeUnknown),
        (False, "lost_reply", PlatformUnavailable),
        (True, "429", PlatformRateLimited),
        (True, "502", PlatformUnavailable),
    ],
)
async def test_a_passing_fault_is_no_refusal(
    telegram: TelegramSimulator,
    surface: TelegramMessageChannel,
    ann: int,
    posted: bool,
    kind: Any,
    error: type[Exception],
) -> None:
    """A call without a reply is not sent again in another form, and rich messages stay on."""
    ref = await surface.post(at(ann), PLAIN, mode=DeliveryModeName.EDIT, idempotency_key="")
    telegram.faults.next("sendRichMessage" if posted else "editMessageText", kind, seconds=2)
    call = (
        surface.post(at(ann), page(TABLE), mode=DeliveryModeName.EDIT, idempotency_key="")
        if posted
        else surface.edit(at(ann), ref, page(TABLE), previous=PLAIN, final=True)
    )
    with pytest.raises(error):
        await call
    assert rich_markdown_of(surface_pages(surface))


def surface_pages(surface: TelegramMessageChannel) -> RenderedMessage:
    """Return the finished page that the surface would make now."""
    [made] = surface.build_renderer(at(1)).render(TABLE, complete=True)
    return made


def test_blocks_are_read_back_into_markdown() -> None:
    """What the bot said as a rich message is understood when somebody replies to it."""
    markdown = (
        "## Title\n\nWords with **bold**, *italic*, `code` and [a link](https://a.b)\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n- [x] done\n- [ ] open\n\n1. first\n2. second\n\n"
        "> quoted\n\n```python\nx = 1\n```\n\n$$\nE = mc^2\n$$\n\n---"
    )
    assert rich_message_markdown(received(markdown)) == markdown
    assert rich_message_markdown(received("hello", text=True)) == ""


def received(markdown: str, *, text: bool = False) -> Message:
    """Return a message of the bot as it comes under a reply."""
    chat = {"id": 7, "type": "private", "first_name": "Ada"}
    body: dict[str, Any] = {"message_id": 5, "date": 1700000000, "chat": chat}
    blocks = checked_rich({"markdown": markdown})
    body |= {"text": markdown} if text else {"rich_message": {"blocks": list(blocks)}}
    return Message.de_json(body, None)


def test_what_is_unknown_in_a_rich_message_is_left_out() -> None:
    """Media, buttons and styles of later versions hide nothing of the rest."""
    blocks = [
        {"type": "photo", "photo": []},
        {"type": "details", "summary": "More", "blocks": [{"type": "paragraph", "text": "inside"}]},
        {"type": "expandable_blockquote", "text": ["a", {"type": "sparkle", "text": "b"}]},
        {"type": "collage", "blocks": [{"type": "photo"}, {"type": "footer", "text": "foot"}]},
        {"type": "paragraph", "text": [{"type": "custom_emoji", "alternative_text": "👍"}, {"type": "x"}]},
        {"type": "paragraph", "text": {"type": "mathematical_expression", "expression": "x^2"}},
    ]
    body = {
        "message_id": 5,
        "date": 1,
        "chat": {"id": 7, "type": "private"},
        "rich_message": {"blocks": blocks},
    }
    assert (
        rich_message_markdown(Message.de_json(body, None)) == "More\n\ninside\n\n> ab\n\nfoot\n\n👍\n\n$x^2$"
    )
