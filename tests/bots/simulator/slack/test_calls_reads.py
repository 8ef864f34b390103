from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import httpx
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import Limits, SlackSimulator

Refusal: TypeAlias = Callable[[Awaitable[Any]], Awaitable[str]]


async def test_a_thread_is_read_root_first_page_by_page(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """Following the cursor gives the root and every reply once, oldest first."""
    said = [office.root] + [
        await slack.say(office.channel, office.bob, f"reply {number}", office.root) for number in range(7)
    ]
    await slack.say(office.channel, office.bob, "elsewhere")
    found: list[str] = []
    cursor = ""
    while True:
        page = await web.conversations_replies(channel=office.channel, ts=office.root, limit=3, cursor=cursor)
        found += [message["ts"] for message in page["messages"]]
        cursor = page["response_metadata"]["next_cursor"]
        assert page["has_more"] is bool(cursor)
        if not cursor:
            break
    assert found == said
    root = (await web.conversations_replies(channel=office.channel, ts=office.root))["messages"][0]
    assert (root["reply_count"], root["thread_ts"]) == (7, office.root)


async def test_oldest_and_latest_bound_the_replies(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """Bounds are exclusive unless inclusive is asked for; the root always comes along."""
    first, second, third = [
        await slack.say(office.channel, office.bob, text, office.root) for text in ("one", "two", "three")
    ]

    async def texts(**bounds: Any) -> list[str]:
        page = await web.conversations_replies(channel=office.channel, ts=office.root, **bounds)
        return [message["text"] for message in page["messages"][1:]]

    assert await texts(oldest=first, latest=third) == ["two"]
    assert await texts(oldest=second, inclusive=True) == ["two", "three"]


async def test_metadata_is_read_only_where_it_is_asked_for(office: Any, web: AsyncWebClient) -> None:
    """include_all_metadata brings what was posted along."""
    marker = {"event_type": "answer", "event_payload": {"turn": "7"}}
    await web.chat_postMessage(channel=office.channel, thread_ts=office.root, text="x", metadata=marker)
    for wanted in (True, False):
        page = await web.conversations_replies(
            channel=office.channel, ts=office.root, include_all_metadata=wanted
        )
        assert page["messages"][1].get("metadata") == (marker if wanted else None)


async def test_history_shows_the_channel_newest_first(
    slack: SlackSimulator, office: Any, web: AsyncWebClient
) -> None:
    """Replies are not in it unless they were broadcast."""
    await slack.say(office.channel, office.bob, "hidden reply", office.root)
    await slack.say(office.channel, office.bob, "shown reply", office.root, broadcast=True)
    await slack.say(office.channel, office.ada, "top")
    page = await web.conversations_history(channel=office.channel, limit=2)
    assert [message["text"] for message in page["messages"]] == ["top", "shown reply"]
    assert page["has_more"]


async def test_reads_refuse_json_bodies(slack: SlackSimulator, office: Any) -> None:
    """The same call is invalid_arguments as JSON and passes as a form and as a query."""
    arguments = {"channel": office.channel, "ts": office.root}
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with httpx.AsyncClient(base_url=slack.api_url, headers=headers, trust_env=False) as client:
        as_json = await client.post("conversations.replies", json=arguments)
        as_form = await client.post("conversations.replies", data=arguments)
        as_query = await client.get("conversations.replies", params=arguments)
    assert as_json.json() == {"ok": False, "error": "invalid_arguments"}
    assert as_form.json()["ok"]
    assert as_query.json()["ok"]


async def test_unknown_threads_and_cursors_are_refused(
    office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """Each wrong argument has its code."""
    replies = web.conversations_replies
    assert await refusal(replies(channel=office.channel, ts="1700000000.000001")) == "thread_not_found"
    assert await refusal(replies(channel=office.channel, ts=office.root, cursor="odd")) == "invalid_cursor"
    assert await refusal(replies(channel=office.channel, ts=office.root, limit=5000)) == "invalid_limit"


async def test_a_distributed_app_reads_fifteen_messages(clock: Any) -> None:
    """Restricted reads give at most fifteen messages."""
    async with SlackSimulator(clock=clock, limits=Limits(restricted_reads=True)) as slack:
        ada = slack.add_person("Ada")
        channel = slack.add_channel("general", [ada])
        root = await slack.say(channel, ada, "root")
        for number in range(20):
            await slack.say(channel, ada, str(number), root)
        web = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        page = await web.conversations_replies(channel=channel, ts=root, limit=200)
        assert len(page["messages"]) == 15


async def test_people_and_places_are_told(slack: SlackSimulator, office: Any, web: AsyncWebClient) -> None:
    """Names, kinds of conversation and members come as the service gives them."""
    guest = slack.add_person("Guest", external_team="T9")
    user = (await web.users_info(user=office.ada))["user"]
    assert (user["profile"]["display_name"], user["team_id"], user["is_bot"]) == ("Ada", "T1", False)
    stranger = (await web.users_info(user=guest))["user"]
    assert (stranger["team_id"], stranger["is_stranger"]) == ("T9", True)
    assert (await web.conversations_info(channel=office.channel))["channel"]["name"] == "general"
    dm = (await web.conversations_open(users=office.ada))["channel"]["id"]
    assert (await web.conversations_info(channel=dm))["channel"]["user"] == office.ada
    members = await web.conversations_members(channel=office.channel)
    assert set(members["members"]) == {office.ada, office.bob, slack.bot_user}
    assert (await web.bots_info(bot="B0BOT"))["bot"]["user_id"] == slack.bot_user
    assert (await web.team_info())["team"]["id"] == "T1"
    assert len((await web.users_list())["members"]) == 4


async def test_reactions_are_kept_and_refused_twice(
    office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """A reaction is added once and removed once."""
    item = {"channel": office.channel, "timestamp": office.root, "name": "eyes"}
    await web.reactions_add(**item)
    assert await refusal(web.reactions_add(**item)) == "already_reacted"
    history = await web.conversations_history(channel=office.channel)
    assert history["messages"][0]["reactions"][0]["name"] == "eyes"
    await web.reactions_remove(**item)
    assert await refusal(web.reactions_remove(**item)) == "no_reaction"


async def test_a_status_goes_with_the_first_words_or_after_two_minutes(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, clock: Any
) -> None:
    """It is shown, taken away by a message in its thread, and else by time; showing it anew keeps it."""

    async def show() -> None:
        await web.assistant_threads_setStatus(
            channel_id=office.channel, thread_ts=office.root, status="thinks"
        )

    def seen() -> list[str]:
        return [frame.status for frame in slack.screen.frames if frame.kind == "status"]

    await show()
    await web.chat_postMessage(channel=office.channel, thread_ts=office.root, text="x")
    assert seen() == ["thinks", ""]
    await show()
    await clock.advance(100)
    await show()
    await clock.advance(100)
    assert seen() == ["thinks", "", "thinks"]
    await clock.advance(21)
    assert seen() == ["thinks", "", "thinks", ""]


async def test_an_agent_session_has_a_status(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """Known statuses are kept, others refused."""
    where = {"channel_id": office.channel, "thread_ts": office.root}
    await web.api_call("agents.sessions.setStatus", json={**where, "status": "processing", "title": "t"})
    assert slack.workspace.sessions[office.channel, office.root]["status"] == "processing"
    odd = web.api_call("agents.sessions.setStatus", json={**where, "status": "odd"})
    assert await refusal(odd) == "invalid_arguments"


async def test_a_home_tab_is_published(slack: SlackSimulator, office: Any, web: AsyncWebClient) -> None:
    """The person's view is kept."""
    await web.views_publish(user_id=office.ada, view={"type": "home", "blocks": []})
    assert slack.workspace.views[office.ada]["type"] == "home"
