"""Text by a model cannot ping."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.markdown.mention_neutralizer import neutralize_mentions

PINGS = re.compile(r"<(?:![a-z]|@[A-Za-z0-9]|#[A-Za-z0-9])", re.IGNORECASE)
PIECES = (
    "<¦!¦@¦#¦&lt;¦&¦lt;¦;¦&#33;¦\\¦channel¦here¦U123¦C1|x¦>¦ ¦`¦\n¦a¦subteam^S1¦everyone¦"
    "date^1^{date}|x¦doctype¦&#x3C;¦&excl;¦@channel¦ch"
)
SOUP = st.lists(st.sampled_from(PIECES.split("¦")), max_size=20).map("".join)


@pytest.mark.parametrize(
    "special",
    [
        "<!channel>",
        "<!here>",
        "<!everyone>",
        "<!CHANNEL>",
        "<!here|here>",
        "<@U0123ABC>",
        "<@W0123ABC|name>",
        "<#C0123|general>",
        "<!subteam^S123|@team>",
        "<!date^1392734382^{date}|x>",
        "`<!channel>`",
        "```\n<@U0123ABC>\n```",
        "<\\!channel>",
        "<&#33;channel>",
        "&lt;!channel&gt;",
        "&#60;!channel>",
        "&LT;!channel>",
    ],
)
def test_a_special_loses_its_meaning(special: str) -> None:
    """A zero-width space stands behind the opening bracket; all else is kept."""
    result = neutralize_mentions(special)
    assert "\u200b" in result
    assert result.replace("\u200b", "") == special
    assert not PINGS.search(result)


@pytest.mark.parametrize(
    "text",
    [
        "a < b and Vec<T>",
        "<!DOCTYPE html>",
        "<!-- comment -->",
        "Option<&str>",
        "<https://example.com|label>",
        "#include <stdio.h>",
        "me@here.com and @alice, @channels",
        "<div class='x'>",
        "x <- y",
    ],
)
def test_other_text_is_left_alone(text: str) -> None:
    """HTML, generics, comparisons, links and handles come out as they went in."""
    assert neutralize_mentions(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "@channel",
        "hey @here!",
        "(@everyone)",
        "/@here",
        ".@everyone",
        "_@here_",
        "-@group",
        "@HERE",
        "&#64;channel",
        "&#x40;here",
        "&commat;here",
    ],
)
def test_a_bare_broadcast_is_broken(text: str) -> None:
    """Words that would alert everybody are not left in one piece; not proven to ping, so none is spared."""
    result = neutralize_mentions(text)
    assert re.search("(?:@|;)\u200b", result)
    assert result.replace("\u200b", "") == text


def test_a_web_address_with_a_broadcast_in_it_is_kept() -> None:
    """An address can still be copied: no platform finds a mention within one."""
    assert neutralize_mentions("https://x.test/@here") == "https://x.test/@here"


@given(SOUP)
def test_the_result_only_grows(text: str) -> None:
    """While the text grows, each result begins with the one before, and the whole ends it."""
    before = ""
    for end in range(len(text) + 1):
        now = neutralize_mentions(text[:end], complete=False)
        assert now.startswith(before)
        assert not PINGS.search(now)
        before = now
    assert neutralize_mentions(text).startswith(before)
    assert not PINGS.search(neutralize_mentions(text))
