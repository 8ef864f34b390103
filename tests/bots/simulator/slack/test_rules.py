import pytest

from bots.simulator.slack import rules, stored
from bots.simulator.slack.rules import SlackRefusal


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
        ("<@U0BOT> hi", "<@U0BOT> hi"),
        ("see https://a.b/c?d=1&e=2.", "see <https://a.b/c?d=1&amp;e=2>."),
        ("<https://a.b|label> <!here>", "<https://a.b|label> <!here>"),
        ("&amp;", "&amp;amp;"),
    ],
)
def test_typed_text_is_escaped_as_slack_stores_it(typed: str, kept: str) -> None:
    """Three characters are escaped, addresses get brackets, control sequences stay."""
    assert stored.typed(typed) == kept


@pytest.mark.parametrize(
    ("markdown", "kept"),
    [
        ("**bold** and *italic* and ~~gone~~", "*bold* and _italic_ and ~gone~"),
        ("# Title\n- one\n- two", "*Title*\n• one\n• two"),
        ("[label](https://a.b)", "<https://a.b|label>"),
        ("`a **b** < c` **d**", "`a **b** &lt; c` *d*"),
        ("a & b &amp; c", "a &amp; b &amp; c"),
    ],
)
def test_markdown_comes_back_as_mrkdwn(markdown: str, kept: str) -> None:
    """What markdown_text said is read back as mrkdwn; code keeps its words."""
    assert stored.markdown(markdown) == kept


def test_every_way_to_ping_is_seen_and_escaped_ones_are_not() -> None:
    """Broadcasts, groups and people are found; entities and channels are not."""
    text = (
        "<!channel> <!here|here> <!everyone> <!subteam^S1|team> <@U123> &lt;!channel&gt; <#C1> <!date^1^x|y>"
    )
    assert rules.pings_in(text) == [
        "<!channel>",
        "<!here|here>",
        "<!everyone>",
        "<!subteam^S1|team>",
        "<@U123>",
    ]


def _button(**changes: object) -> dict[str, object]:
    return {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}, **changes}


@pytest.mark.parametrize(
    "blocks",
    [
        [{"type": "divider"}] * 51,
        [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
        [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
        [{"type": "actions", "elements": [_button(text={"type": "plain_text", "text": "x" * 76})]}],
        [{"type": "actions", "elements": [_button(value="x" * 2001)]}],
        [{"type": "actions", "elements": [_button()] * 26}],
        [{"type": "actions", "elements": [_button(action_id="x" * 256)]}],
        [{"text": "no type"}],
    ],
)
def test_blocks_beyond_a_limit_are_invalid(blocks: list[rules.Block]) -> None:
    """Each limit of Block Kit is invalid_blocks with a pointer to the fault."""
    with pytest.raises(SlackRefusal, match="invalid_blocks") as caught:
        rules.check_blocks(blocks)
    assert "json-pointer:/blocks" in str(caught.value.extra["errors"])


def test_blocks_at_every_limit_pass() -> None:
    """The largest legal value of each limit is accepted."""
    button = _button(text={"type": "plain_text", "text": "x" * 75}, value="x" * 2000)
    rules.check_blocks(
        [
            {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}},
            {"type": "actions", "elements": [button]},
        ]
    )


def test_legal_blocks_may_be_too_long_together() -> None:
    """Five full sections pass one by one and are refused together."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000}}
    with pytest.raises(SlackRefusal, match="msg_blocks_too_long"):
        rules.check_blocks([section] * 5)


@pytest.mark.parametrize(
    "chunk",
    [
        {"type": "markdown_text"},
        {"type": "other"},
        {"type": "task_update", "id": "1", "title": "t", "status": "odd"},
        {"type": "task_update", "id": "1", "title": "t"},
        {"type": "task_update", "id": "1", "title": "x" * 257, "status": "complete"},
        {"type": "task_update", "id": "1", "title": "", "status": "complete"},
        {"type": "task_update", "id": "1", "title": "t", "status": "complete", "more": 1},
        {"type": "task_update", "id": "1", "title": "t", "status": "complete", "sources": [{"url": "x"}]},
        {"type": "plan_update", "title": ""},
    ],
)
def test_a_chunk_of_another_shape_is_refused(chunk: dict[str, object]) -> None:
    """Unknown kinds, missing fields and unknown statuses are invalid_chunks."""
    with pytest.raises(SlackRefusal, match="invalid_chunks"):
        rules.check_chunks([chunk])
