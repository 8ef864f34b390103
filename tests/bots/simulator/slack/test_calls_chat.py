from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import SlackSimulator

Refusal: TypeAlias = Callable[[Awaitable[Any]], Awaitable[str]]


async def test_a_post_stands_in_its_thread(slack: SlackSimulator, office: Any, web: AsyncWebClient) -> None:
    """A reply is shown with its Markdown under the root and comes back as mrkdwn."""
    reply = await web.chat_postMessage(
        channel=office.channel, thread_ts=office.root, markdown_text="a **stack**", unfurl_links=False
    )
    (shown,) = slack.screen.in_channel(office.channel, by_bot=True)
    assert (shown.message_id, shown.thread, shown.text) == (reply["ts"], office.root, "a **stack**")
    assert reply["message"]["text"] == "a *stack*"
    assert slack.calls[-1].params["unfurl_links"] is False


async def test_an_update_replaces_text_and_buttons(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """Text without blocks takes the old blocks away; blocks without text keep the text."""
    button = {"type": "button", "action_id": "go", "value": "v", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    ts = (await web.chat_postMessage(channel=office.channel, text="one", blocks=blocks))["ts"]
    key = (office.channel, ts)
    assert slack.screen.messages[key].buttons == (("Go", "v"),)

    await web.chat_update(channel=office.channel, ts=ts, markdown_text="two")
    assert (slack.screen.messages[key].text, slack.screen.messages[key].buttons) == ("two", ())

    # Through api_call, because the SDK's own method warns where text is missing.
    await web.api_call("chat.update", json={"channel": office.channel, "ts": ts, "blocks": blocks})
    assert (slack.screen.messages[key].text, slack.screen.messages[key].edits) == ("two", 2)
    assert slack.screen.messages[key].buttons == (("Go", "v"),)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ({"text": "x" * 4001}, "msg_too_long"),
        ({"markdown_text": "x" * 12001}, "msg_too_long"),
        ({"markdown_text": "x", "text": "y"}, "markdown_text_conflict"),
        ({"text": ""}, "no_text"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": "no json"}, "invalid_blocks_format"),
    ],
)
async def test_content_is_refused_on_post_and_update(
    office: Any, web: AsyncWebClient, refusal: Refusal, content: dict[str, Any], error: str
) -> None:
    """What is too long, empty or contradictory is refused by both calls."""
    ts = (await web.chat_postMessage(channel=office.channel, text="one"))["ts"]
    assert (
        await refusal(web.api_call("chat.update", json={"channel": office.channel, "ts": ts, **content}))
        == error
    )
    assert (
        await refusal(web.api_call("chat.postMessage", json={"channel": office.channel, **content})) == error
    )


async def test_the_longest_legal_texts_pass(office: Any, web: AsyncWebClient) -> None:
    """4,000 characters of text and 12,000 of Markdown are accepted."""
    ts = (await web.chat_postMessage(channel=office.channel, markdown_text="x" * 12000))["ts"]
    assert (await web.chat_update(channel=office.channel, ts=ts, text="x" * 4000))["ok"]


async def test_what_cannot_be_changed_says_why(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """Unknown messages, other people's, closed edit windows and archived channels each have their code."""
    ts = (await web.chat_postMessage(channel=office.channel, text="one"))["ts"]

    async def update(ts: str, channel: str = office.channel) -> str:
        return await refusal(web.chat_update(channel=channel, ts=ts, text="x"))

    assert await update("1700000000.000001") == "message_not_found"
    assert await update(office.root) == "cant_update_message"
    assert await update(ts, "C404") == "channel_not_found"
    slack.edit_window_closed = True
    assert await update(ts) == "edit_window_closed"
    slack.edit_window_closed = False
    slack.archive(office.channel)
    assert await update(ts) == "is_inactive"
    assert await refusal(web.chat_postMessage(channel=office.channel, text="x")) == "is_archived"


async def test_places_the_bot_is_not_in_are_refused(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """A public channel is not_in_channel, a private one does not exist for the bot."""
    public = slack.add_channel("public", [office.ada], with_bot=False)
    private = slack.add_channel("private", [office.ada], private=True, with_bot=False)
    assert await refusal(web.chat_postMessage(channel=public, text="x")) == "not_in_channel"
    assert await refusal(web.chat_postMessage(channel=private, text="x")) == "channel_not_found"
    await slack.leave(office.channel, slack.bot_user)
    assert await refusal(web.chat_postMessage(channel=office.channel, text="x")) == "not_in_channel"


async def test_threads_must_exist(office: Any, web: AsyncWebClient, refusal: Refusal) -> None:
    """A reply as root and a malformed ts are refused; an unknown root is ignored (probed live)."""
    reply = (await web.chat_postMessage(channel=office.channel, thread_ts=office.root, text="x"))["ts"]
    for thread, error in (
        (reply, "cannot_reply_to_message"),
        ("yesterday", "invalid_thread_ts"),
    ):
        assert (
            await refusal(web.chat_postMessage(channel=office.channel, thread_ts=thread, text="x")) == error
        )
    unknown = await web.chat_postMessage(channel=office.channel, thread_ts="1700000000.000001", text="x")
    assert "thread_ts" not in unknown["message"]


async def test_a_deleted_root_keeps_its_thread(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """Replies can go on under a root that was deleted, once there are some."""
    await web.chat_postMessage(channel=office.channel, thread_ts=office.root, text="x")
    await slack.delete(office.channel, office.root)
    assert (await web.chat_postMessage(channel=office.channel, thread_ts=office.root, text="y"))["ok"]


async def test_deleting_takes_a_message_of_ours_from_the_screen(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """Our message goes once, then is not found; other people's stay."""
    ts = (await web.chat_postMessage(channel=office.channel, text="one"))["ts"]
    await web.chat_delete(channel=office.channel, ts=ts)
    assert (office.channel, ts) not in slack.screen.messages
    assert await refusal(web.chat_delete(channel=office.channel, ts=ts)) == "message_not_found"
    assert await refusal(web.chat_delete(channel=office.channel, ts=office.root)) == "cant_delete_message"


async def test_an_ephemeral_message_is_seen_by_one_and_never_edited(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """It carries its reader, is in no history and cannot be updated."""
    reply = await web.chat_postEphemeral(channel=office.channel, user=office.ada, text="psst")
    ts = reply["message_ts"]
    assert slack.screen.messages[office.channel, ts].visible_to == office.ada
    assert await refusal(web.chat_update(channel=office.channel, ts=ts, text="x")) == "message_not_found"
    stranger = slack.add_person("Stranger")
    error = await refusal(web.chat_postEphemeral(channel=office.channel, user=stranger, text="psst"))
    assert error == "user_not_in_channel"


async def test_pings_are_recorded_wherever_they_stand(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """A broadcast in text, in blocks and after an edit is recorded; escaped text is not."""
    ts = (await web.chat_postMessage(channel=office.channel, text="&lt;!channel&gt;"))["ts"]
    assert slack.pings == []
    await web.chat_update(channel=office.channel, ts=ts, markdown_text="now <!here>")
    block = {"type": "section", "text": {"type": "mrkdwn", "text": f"<@{office.bob}>"}}
    await web.chat_postMessage(channel=office.channel, text="x", blocks=[block])
    assert [ping.what for ping in slack.pings] == ["<!here>", f"<@{office.bob}>"]


async def test_metadata_stays_through_edits(office: Any, web: AsyncWebClient) -> None:
    """Metadata is kept by an update without it and taken away by an empty one."""
    marker = {"event_type": "answer", "event_payload": {"turn": "7"}}
    ts = (await web.chat_postMessage(channel=office.channel, text="one", metadata=marker))["ts"]
    kept = await web.chat_update(channel=office.channel, ts=ts, text="two")
    assert kept["message"]["metadata"] == marker
    gone = await web.chat_update(channel=office.channel, ts=ts, text="three", metadata={})
    assert "metadata" not in gone["message"]


async def test_posting_to_a_person_opens_the_direct_conversation(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """A user id as channel posts in the DM; updates want the DM's own id."""
    reply = await web.chat_postMessage(channel=office.ada, text="hello")
    assert reply["channel"] == slack.open_dm(office.ada)
    assert await refusal(web.chat_update(channel=office.ada, ts=reply["ts"], text="x")) == "channel_not_found"
    link = await web.chat_getPermalink(channel=reply["channel"], message_ts=reply["ts"])
    assert reply["channel"] in link["permalink"]
