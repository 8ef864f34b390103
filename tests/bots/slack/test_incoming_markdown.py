"""Slack's mrkdwn becomes Markdown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.slack.incoming_markdown import mentioned_people, mentions_person, to_markdown

NAMES = {"U1": "Ada", "U2": "Bob *B* Builder"}


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
        ("", ""),
    ],
)
def test_mrkdwn_becomes_markdown(raw: str, markdown: str) -> None:
    """Each construct of Slack's dialect arrives as the Markdown that reads the same."""
    assert to_markdown(raw, names=NAMES, bot_user_id="UBOT") == markdown


def test_mentions_in_code_do_not_count() -> None:
    """A mention that is only shown as code does not address anybody."""
    assert mentions_person("hi <@UBOT>", "UBOT")
    assert mentions_person("hi <@UBOT|kimi>", "UBOT")
    assert not mentions_person("`<@UBOT>`", "UBOT")
    assert not mentions_person("<@UBOTHER>", "UBOT")


def test_people_are_found_by_id() -> None:
    """Every mentioned person's id is found, in Grid's form too."""
    assert mentioned_people("<@U1> <@W2|x> <#C3> <!here>") == {"U1", "W2"}


@given(st.text(alphabet="a*_~`<>@U1|&;lgt# \n\ue000\ue0010•"))
def test_any_text_can_be_read(raw: str) -> None:
    """No text, however broken, raises or leaves a placeholder behind."""
    markdown = to_markdown(raw, names=NAMES, bot_user_id="U1")
    assert "\ue000" not in markdown
    assert "\ue001" not in markdown
