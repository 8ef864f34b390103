"""Uploads in three steps, and user groups: what works, and what is refused with which word."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import SlackSimulator

Refusal: TypeAlias = Callable[[Awaitable[Any]], Awaitable[str]]


async def upload(web: AsyncWebClient, content: bytes, name: str = "a.png") -> str:
    """Do the first two steps; return the file's id."""
    place = await web.files_getUploadURLExternal(filename=name, length=len(content))
    async with aiohttp.ClientSession() as session, session.post(place["upload_url"], data=content) as reply:
        assert reply.status == 200
    return str(place["file_id"])


async def test_a_file_appears_a_moment_after_it_was_shared(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, clock: Any
) -> None:
    """Sharing answers first; then the message stands in its thread and the file tells its ts."""
    file_id = await upload(web, b"bytes")
    await web.files_completeUploadExternal(
        files=[{"id": file_id, "title": "A"}],
        channel_id=office.channel,
        thread_ts=office.root,
        initial_comment="look <here>",
    )
    assert (await web.files_info(file=file_id))["file"]["shares"] == {}
    await clock.asked(slack.workspace.limits.share_delay_s)
    await clock.advance(slack.workspace.limits.share_delay_s)
    shares = (await web.files_info(file=file_id))["file"]["shares"]
    ts = shares["public"][office.channel][0]["ts"]
    shown = slack.screen.messages[office.channel, ts]
    assert (shown.thread, shown.by_bot, shown.text) == (office.root, True, "look <here>")
    assert slack.workspace.files[file_id][1] == b"bytes"


async def test_only_a_whole_upload_can_be_shared_and_only_once(
    office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """Without its bytes, or a second time, there is no such file."""
    place = await web.files_getUploadURLExternal(filename="a", length=3)
    async with aiohttp.ClientSession() as session, session.post(place["upload_url"], data=b"four") as reply:
        assert reply.status == 400
    share = {"files": [{"id": place["file_id"]}], "channel_id": office.channel}
    assert await refusal(web.files_completeUploadExternal(**share)) == "file_not_found"
    share["files"] = [{"id": await upload(web, b"abc")}]
    await web.files_completeUploadExternal(**share)
    assert await refusal(web.files_completeUploadExternal(**share)) == "file_not_found"


async def test_what_slack_takes_no_file_for(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """No bytes, too many, a channel without the bot, an unknown thread, an archived channel."""
    ask = web.files_getUploadURLExternal
    assert await refusal(ask(filename="a", length=0)) == "invalid_arguments"
    assert await refusal(ask(filename="a", length=2_000_000_000)) == "file_upload_size_restricted"
    file_id = await upload(web, b"abc")
    other = slack.add_channel("other", [office.ada], with_bot=False)
    old = slack.add_channel("old", [office.ada])
    slack.archive(old)
    for where, word in (
        ({"channel_id": other}, "not_in_channel"),
        ({"channel_id": "C404"}, "channel_not_found"),
        ({"channel_id": old}, "is_archived"),
        ({"channel_id": office.channel, "thread_ts": "1600000000.000001"}, "thread_not_found"),
    ):
        call = web.files_completeUploadExternal(files=[{"id": file_id}], **where)
        assert await refusal(call) == word


@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
async def test_uploads_need_their_scope(
    slack: SlackSimulator, web: AsyncWebClient, refusal: Refusal, method: str
) -> None:
    """Without files:write both steps are refused."""
    slack.scopes = slack.scopes - {"files:write"}
    assert await refusal(web.api_call(method, params={"filename": "a", "length": 3})) == "missing_scope"


async def test_user_groups_are_listed_with_their_people(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """A group has an id, a handle and members; both calls need usergroups:read."""
    group = slack.add_group("support", [office.ada])
    (listed,) = (await web.usergroups_list())["usergroups"]
    assert (listed["id"], listed["handle"]) == (group, "support")
    assert (await web.usergroups_users_list(usergroup=group))["users"] == [office.ada]
    assert await refusal(web.usergroups_users_list(usergroup="S404")) == "no_such_subteam"
    slack.scopes = slack.scopes - {"usergroups:read"}
    assert await refusal(web.usergroups_list()) == "missing_scope"
    assert await refusal(web.usergroups_users_list(usergroup=group)) == "missing_scope"
