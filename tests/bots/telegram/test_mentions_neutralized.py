"""Nobody is pinged by what a model writes: Telegram finds ``@name`` by itself."""

import pytest

from bots.simulator.telegram.entities import found_in
from bots.telegram.entities import utf16_length
from bots.telegram.render import TEXT_LIMIT_UNITS, TelegramRenderer


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
    ],
)
def test_no_name_is_a_mention(markdown: str) -> None:
    """In words, labels, quotes and lists a name is shown and pings nobody."""
    text = shown(markdown)
    assert not [entity for entity in found_in(text) if entity["type"] == "mention"]
    assert "alice" in text


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
