from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import SlackSimulator

Refusal: TypeAlias = Callable[[Awaitable[Any]], Awaitable[str]]


@pytest.fixture
def start(slack: SlackSimulator, office: Any, web: AsyncWebClient) -> Callable[..., Awaitable[str]]:
    """Return a function that starts a stream in the office's thread and returns its ts."""

    async def started(**changes: Any) -> str:
        arguments = {
            "channel": office.channel,
            "thread_ts": office.root,
            "recipient_user_id": office.ada,
            "recipient_team_id": slack.team,
            "markdown_text": "one",
        }
        reply = await web.chat_startStream(**{**arguments, **changes})
        return str(reply["ts"])

    return started


async def test_a_stream_grows_and_stop_appends(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, start: Any
) -> None:
    """Text of start, append and stop is joined; the message streams until stopped."""
    ts = await start()
    await web.chat_appendStream(channel=office.channel, ts=ts, markdown_text=" two")
    assert slack.screen.messages[office.channel, ts].streaming
    await web.chat_stopStream(channel=office.channel, ts=ts, markdown_text=" three")
    shown = slack.screen.messages[office.channel, ts]
    assert (shown.text, shown.streaming, shown.thread) == ("one two three", False, office.root)


async def test_the_sdk_helper_streams_through_chunks(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """AsyncChatStream's chunks, blocks at the end included, make one message."""
    stream = await web.chat_stream(
        channel=office.channel,
        thread_ts=office.root,
        recipient_user_id=office.ada,
        recipient_team_id=slack.team,
        buffer_size=4,
    )
    await stream.append(markdown_text="hello ")
    await stream.append(chunks=[{"type": "task_update", "id": "1", "title": "look", "status": "complete"}])
    button = {
        "type": "button",
        "action_id": "more",
        "value": "m",
        "text": {"type": "plain_text", "text": "More"},
    }
    await stream.stop(markdown_text="world", blocks=[{"type": "actions", "elements": [button]}])
    (shown,) = slack.screen.in_channel(office.channel, by_bot=True)
    assert (shown.text, shown.buttons) == ("hello world", (("More", "m"),))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"thread_ts": ""}, "invalid_thread_ts"),
        ({"thread_ts": "1700000000.000001"}, "invalid_thread_ts"),
        ({"recipient_user_id": None}, "missing_recipient_user_id"),
        ({"recipient_team_id": None}, "missing_recipient_team_id"),
        ({"recipient_user_id": "U404"}, "user_not_found"),
        ({"recipient_team_id": "T404"}, "team_not_found"),
        ({"markdown_text": "x" * 12001}, "msg_too_long"),
        ({"markdown_text": "界" * 3600}, "msg_too_long"),
        ({"chunks": [{"type": "odd"}], "markdown_text": None}, "invalid_chunks"),
    ],
)
async def test_a_start_is_refused(start: Any, refusal: Refusal, changes: dict[str, Any], error: str) -> None:
    """Thread, recipients and content are checked before anything is shown."""
    assert await refusal(start(**changes)) == error


async def test_a_direct_conversation_needs_no_recipient(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """In a DM the thread alone is enough."""
    dm = slack.open_dm(office.ada)
    root = await slack.say(dm, office.ada, "hello")
    reply = await web.chat_startStream(channel=dm, thread_ts=root, markdown_text="hi")
    assert slack.screen.messages[dm, reply["ts"]].streaming


async def test_a_person_of_another_team_may_be_named_with_either_team(
    slack: SlackSimulator, office: Any, start: Any
) -> None:
    """For a Slack Connect person both the own and the installing team are accepted."""
    guest = slack.add_person("Guest", external_team="T9")
    slack.workspace.channels[office.channel].members.add(guest)
    for team in ("T9", "T1"):
        assert await start(recipient_user_id=guest, recipient_team_id=team)


async def test_a_stream_dies_of_age_while_it_grows(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, start: Any, clock: Any, refusal: Refusal
) -> None:
    """Appends do not lengthen its five minutes; then append and stop are refused and update works."""
    ts = await start()
    for _ in range(5):
        await clock.advance(60)
        await web.chat_appendStream(channel=office.channel, ts=ts, markdown_text=".")
    await clock.advance(16)
    assert not slack.screen.messages[office.channel, ts].streaming
    for call in (web.chat_appendStream, web.chat_stopStream):
        error = await refusal(call(channel=office.channel, ts=ts, markdown_text="x"))
        assert error == "message_not_in_streaming_state"
    await web.chat_update(channel=office.channel, ts=ts, markdown_text="all of it")
    assert slack.screen.messages[office.channel, ts].text == "all of it"


async def test_a_stream_holds_so_many_bytes_in_all(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, start: Any, refusal: Refusal
) -> None:
    """The append that goes over the cap adds nothing; a smaller one still fits."""
    ts = await start(markdown_text="x" * 6000)
    error = await refusal(web.chat_appendStream(channel=office.channel, ts=ts, markdown_text="y" * 4601))
    assert error == "msg_too_long"
    await web.chat_appendStream(channel=office.channel, ts=ts, markdown_text="y" * 4600)
    assert len(slack.screen.messages[office.channel, ts].text) == 10_600


async def test_an_open_stream_cannot_be_updated(
    office: Any, web: AsyncWebClient, start: Any, refusal: Refusal
) -> None:
    """chat.update is a streaming_state_conflict until the stream is stopped."""
    ts = await start()
    update = {"channel": office.channel, "ts": ts, "markdown_text": "x"}
    assert await refusal(web.chat_update(**update)) == "streaming_state_conflict"
    await web.chat_stopStream(channel=office.channel, ts=ts)
    assert (await web.chat_update(**update))["ok"]
    assert (
        await refusal(web.chat_stopStream(channel=office.channel, ts=ts)) == "message_not_in_streaming_state"
    )


async def test_a_person_can_stop_a_stream(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, start: Any, refusal: Refusal
) -> None:
    """After the stop button no more text is taken, and the message can be updated."""
    ts = await start()
    assert await slack.stop_button(office.channel, office.root, office.ada) == [ts]
    for call in (web.chat_appendStream, web.chat_stopStream):
        assert await refusal(call(channel=office.channel, ts=ts, markdown_text="x")) == "stopped_by_user"
    assert (await web.chat_update(channel=office.channel, ts=ts, markdown_text="partial"))["ok"]


async def test_only_own_streams_grow(office: Any, web: AsyncWebClient, refusal: Refusal) -> None:
    """A person's message, a posted one and an unknown one are told apart."""
    posted = (await web.chat_postMessage(channel=office.channel, text="x"))["ts"]
    for ts, error in (
        (office.root, "message_not_owned_by_app"),
        (posted, "message_not_in_streaming_state"),
        ("1700000000.000001", "message_not_found"),
    ):
        assert await refusal(web.chat_appendStream(channel=office.channel, ts=ts, markdown_text="x")) == error


async def test_streams_can_be_missing(slack: SlackSimulator, start: Any, refusal: Refusal) -> None:
    """Where streaming is not available the methods are unknown."""
    slack.streaming_available = False
    assert await refusal(start()) == "unknown_method"


async def test_a_ping_split_over_two_appends_is_seen(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, start: Any
) -> None:
    """The joined text is what counts."""
    ts = await start(markdown_text="<!chan")
    assert slack.pings == []
    await web.chat_appendStream(channel=office.channel, ts=ts, markdown_text="nel> ")
    await web.chat_stopStream(channel=office.channel, ts=ts)
    assert [ping.what for ping in slack.pings] == ["<!channel>"]
