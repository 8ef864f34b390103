"""Nobody is pinged by what a model writes: Telegram finds ``@name`` by itself."""

import pytest

from bots.simulator.telegram.entities import found_in
from bots.telegram.entities import utf16_length
from bots.telegram.render import TEXT_LIMIT_UNITS, TelegramRenderer, TelegramRichRenderer


def shown(markdown: str) -> str:
    """The text that is sent."""
    return "".join(page.text for page in TelegramRenderer().render(markdown, complete=True))


@pytest.mark.parametrize(
    "markdown",
    [
        "Ask @alice and (@bob_99), or **@carol**.",
        "> @alice\n\n- @alice\n\n# @alice",
        "请问@alice在吗",
        "![@alice](https://x.test/a.png) [@alice](javascript:x) [`@alice`](https://x.test)",
        "[" * 60 + " @alice",
        "-@alice /@alice .@alice +@alice",
        "@*alice_k* @**alice** @||alice||",
        "**@**alice",
        "$$\n@alice_k\n$$",
        "https://x.test,@alice",
    ],
)
def test_no_name_is_a_mention(markdown: str) -> None:
    """In words, labels, quotes and lists a name is shown and pings nobody."""
    text = shown(markdown)
    assert not [entity for entity in found_in(text) if entity["type"] == "mention"]
    assert "alice" in text


@pytest.mark.parametrize(
    "target",
    ["tg://user?id=42", "tg:user?id=42", "tg://user/?id=42", "tg:user/?id=42", "TG://USER/?id=42"],
)
def test_no_link_mentions_a_person(target: str) -> None:
    """Every form that TDLib reads as a person's link is shown as words."""
    for page in TelegramRenderer().render(f"[b]({target}) <{target}> {target}", complete=True):
        assert "text_link" not in {str(entity["type"]) for entity in page.payload}
    rich = TelegramRichRenderer().render(f"- [ ] [b]({target})\n- [ ] c", complete=True)
    assert target.casefold() not in str(rich[0].payload).casefold()


def test_rich_messages_mention_nobody() -> None:
    """Names beside markup and within formulas are neutralized in rich Markdown too."""
    page = TelegramRichRenderer().render("- [ ] -@alice @*alice*\n\n$$\n@alice_k\n$$", complete=True)[0]
    assert "@a" not in str(page.payload[-1])
    assert "@*" not in str(page.payload[-1])


def test_addresses_and_code_stay_as_they_are() -> None:
    """An e-mail address, an address of the web and code can be copied."""
    markdown = "Write to ann@example.com, see https://x.test/@ann.\n\n```python\n@cached\n```\n\n`@here`"
    text = shown(markdown)
    for whole in ("ann@example.com", "https://x.test/@ann", "@cached", "@here"):
        assert whole in text


def test_a_flood_of_names_fits_its_pages() -> None:
    """What hushing adds is counted: every page is within Telegram's limit."""
    pages = TelegramRenderer().render("@alice " * 3000, complete=True)
    assert all(utf16_length(page.text) <= TEXT_LIMIT_UNITS for page in pages)
    assert sum(page.text.count("alice") for page in pages) == 3000
