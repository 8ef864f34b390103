"""Slack's mrkdwn becomes Markdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.slack.incoming_markdown import mentions_any, mentions_others, to_markdown

NAMES = {"U1": "Ada", "U2": "Bob *B* Builder", "S3": "support", "C3": "help"}


@pytest.mark.parametrize(
    ("raw", "markdown"),
    [
        ("plain", "plain"),
        ("a &lt; b &amp;&amp; b &gt; c", "a < b && b > c"),
        ("&amp;lt;", "&lt;"),
        ("*bold* and _it_ and ~gone~", "**bold** and _it_ and ~~gone~~"),
        ("2 * 3 * 4 and a*b*c", "2 * 3 * 4 and a*b*c"),
        ("*bold*, (*bold*) *two words*", "**bold**, (**bold**) **two words**"),
        ("<@U1> and <@U9>", "@Ada and @U9"),
        ("*<@U1>*", "**@Ada**"),
        ("*ask <@U2> now*", "**ask @Bob *B* Builder now**"),
        ("<#C1|general> <#C2>", "#general #C2"),
        ("<!here> <!channel|channel> <!subteam^S1|@crew> <!subteam^S2>", "@here @channel @crew @S2"),
        ("<!date^1392734382^{date}|Feb 18>", "Feb 18"),
        ("<https://a.b/x_y*z~w>", "https://a.b/x_y*z~w"),
        ("<https://a.b/?q=1&amp;r=2|the *page*>", "[the *page*](https://a.b/?q=1&r=2)"),
        ("<https://a.b|a.b>", "https://a.b"),
        ("<https://a.b|[1]>", "[\\[1\\]](https://a.b)"),
        ("<mailto:a@b.c|a@b.c> <tel:+1|call>", "a@b.c [call](tel:+1)"),
        ("`a *b* &lt;c&gt; <@U1>`", "`a *b* <c> @U1`"),
        ("```\nx = *y* &amp; <https://a.b|a.b>\n```", "```\nx = *y* & a.b\n```"),
        ("&gt; quoted", "> quoted"),
        ("• one\n  ◦ two", "- one\n  - two"),
        ("<@UBOT> hi", "hi"),
        ("<@UBOT>: hi", "hi"),
        ("<@UBOT|kimi>，你好", "你好"),
        ("hi <@UBOT> there", "hi there"),
        ("hi <@UBOT>", "hi"),
        ("hi <@UBOT>!", "hi!"),
        ("<@UBOT> <@UBOT>", ""),
        ("first\n<@UBOT> second", "first\n second"),
        ("*重要*です", "*重要*です"),
        ("*<@UBOT>* hi", "hi"),
        ("_*<@UBOT>*_: hi", "hi"),
        ("<@BBOT> hi", "hi"),
        ("<!subteam^S3> in <#C3|>", "@support in #help"),
        ("", ""),
    ],
)
def test_mrkdwn_becomes_markdown(raw: str, markdown: str) -> None:
    """Each construct of Slack's dialect arrives as the Markdown that reads the same."""
    assert to_markdown(raw, names=NAMES, own_ids={"UBOT", "BBOT"}) == markdown


def test_mentions_in_code_do_not_count() -> None:
    """A mention that is only shown as code does not address anybody."""
    assert mentions_any("hi <@UBOT>", {"UBOT"})
    assert mentions_any("hi <@UBOT|kimi>", {"UBOT"})
    assert mentions_any("hi <@BBOT>", {"UBOT", "BBOT"})
    assert not mentions_any("`<@UBOT>`", {"UBOT"})
    assert not mentions_any("<@UBOTHER>", {"UBOT"})


@pytest.mark.parametrize("raw", ["<@U1> look", "look, <@W2|x>?", "<!here> look", "<!subteam^S1|@crew> look"])
def test_words_for_others_are_recognised(raw: str) -> None:
    """People, user groups and broadcasts are others; code and the bot are not."""
    assert mentions_others(raw, {"UBOT"})
    assert not mentions_others(f"`{raw}` <@UBOT> <#C1>", {"UBOT"})


@given(st.text(alphabet="a*_~`<>@U1|&;lgt# \n\ue000\ue0010•"))
def test_any_text_can_be_read(raw: str) -> None:
    """No text, however broken, raises or leaves a placeholder behind."""
    markdown = to_markdown(raw, names=NAMES, own_ids={"U1"})
    assert "\ue000" not in markdown
    assert "\ue001" not in markdown
