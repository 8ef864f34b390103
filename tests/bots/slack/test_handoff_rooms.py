"""Files through slack_sdk: each step that Slack may refuse, and where nothing may be told twice."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bots.simulator.slack import Limits, SlackSimulator
from bots.slack.app import SlackApp, SlackConfig
from bots.slack.handoff_rooms import SlackHandoffRooms
from bots.slack.limits import SlackLimits
from bots.slack.payload import message_payload, to_mrkdwn
from core.domain.bot_messages import MessageRef
from core.domain.errors import PlatformForbidden, PlatformRateLimited, PlatformRefused, PlatformUnavailable
from core.ports.handoff_rooms import LocalFile
from tests.virtual_time import LoopClock

CONTENT = b"line\n" * 200_000


@pytest.fixture
async def slack(loop_clock: LoopClock) -> AsyncIterator[SlackSimulator]:
    """Serve a stand-in with its usual limits."""
    async with SlackSimulator(clock=loop_clock, limits=Limits()) as simulator:
        yield simulator


@pytest.fixture
async def rooms(
    slack: SlackSimulator, config: SlackConfig, loop_clock: LoopClock
) -> AsyncIterator[SlackHandoffRooms]:
    """Return the rooms of a connected app."""
    app = SlackApp(config, clock=loop_clock)
    await app.connect()
    assert isinstance(app.handoff_rooms, SlackHandoffRooms)
    yield app.handoff_rooms
    await app.close()


@pytest.fixture
def channel(slack: SlackSimulator) -> str:
    """Return a channel with the bot in it."""
    return slack.add_channel("desk", [slack.add_person("Bo")])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of more than one piece."""
    path = tmp_path / "notes.txt"
    path.write_bytes(CONTENT)
    return path


async def send(slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, path: Path) -> MessageRef:
    """Send a file to a channel."""
    at = rooms.build_address(slack.team, channel, "")
    file = LocalFile(path=path, name="notes.txt", media_type="text/plain")
    (ref,) = await rooms.send_files(at, [file], caption="**Ann:** <!here> [x](https://a.b)")
    return ref


async def test_a_large_file_arrives_whole_with_harmless_words(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, file: Path
) -> None:
    """Its bytes are those on the disk; what others wrote in the comment pings nobody."""
    ref = await send(slack, rooms, channel, file)
    message = slack.workspace.channels[channel].messages[ref.message_id]
    assert slack.workspace.files[message.files[0]["id"]][1] == CONTENT
    assert message.source.startswith("*Ann:* &lt;")
    assert message.source.endswith("<https://a.b|x>")
    assert slack.pings == []


async def test_an_app_without_the_scope_is_refused(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, file: Path
) -> None:
    """So the desk can tell that a file could not be passed on."""
    slack.scopes = slack.scopes - {"files:write"}
    with pytest.raises(PlatformRefused):
        await send(slack, rooms, channel, file)
    assert slack.screen.in_channel(channel) == []


async def test_a_step_that_fails_before_sharing_may_be_tried_again(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, file: Path
) -> None:
    """Nothing is shown until the last step, so a second try shows the file once."""
    slack.faults.next("files.getUploadURLExternal", "lost_reply")
    slack.faults.next("upload", "503")
    for _ in range(2):
        with pytest.raises(PlatformUnavailable):
            await send(slack, rooms, channel, file)
    slack.faults.next("upload", "429")
    with pytest.raises(PlatformRateLimited):
        await send(slack, rooms, channel, file)
    await send(slack, rooms, channel, file)
    assert len(slack.screen.in_channel(channel)) == 1


async def test_a_message_whose_ts_is_not_told_has_none(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, file: Path
) -> None:
    """The file stands there all the same."""
    slack.faults.next("files.info", "503", times=3)
    ref = await send(slack, rooms, channel, file)
    assert ref == MessageRef(channel=channel, message_id="")
    await slack.clock.sleep(1)  # it appears a moment later
    assert len(slack.screen.in_channel(channel)) == 1


async def test_a_channel_without_the_bot_is_closed(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, file: Path
) -> None:
    """Like for any message."""
    await slack.leave(channel, slack.bot_user)
    with pytest.raises(PlatformForbidden):
        await send(slack, rooms, channel, file)


async def test_an_address_streams_to_nobody(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str
) -> None:
    """Nobody asked, so there is no recipient; the thread is the given one."""
    at = rooms.build_address(slack.team, channel, "1700000000.000100")
    assert at.key.thread == "1700000000.000100"
    assert at.details["recipient_user"] == ""
    assert replace(at, details={}) == replace(
        rooms.build_address(slack.team, channel, at.key.thread), details={}
    )


def test_files_stay_within_the_methods_that_they_call() -> None:
    """Each file asks three times at most whether it stands: the budget leaves room for that."""
    limits = SlackLimits()
    *_, shared = limits.upload_budgets("T1", "C1")
    assert shared.burst * 3 <= 100
    assert {one.key for one in limits.post_budgets("T1", "C1")} < {
        one.key for one in limits.upload_budgets("T1", "C1")
    }


def test_a_comment_is_written_in_the_older_dialect() -> None:
    """Emphasis and links are rewritten, code is only escaped, and our own mention stays alive."""
    text = "# Hi\n**b** *i* ~~s~~ `a**b**<` [l](https://a.b/?x=1&y=2) <@U1>"
    assert to_mrkdwn(text) == ("*Hi*\n*b* _i_ ~s~ `a**b**&lt;` <https://a.b/?x=1&amp;y=2|l> <@U1>")


def test_a_notification_keeps_our_mention() -> None:
    """Beside buttons the text that notifies has the mention, and nothing else that is special."""
    form = message_payload("<@U1>: a < b", ({"type": "actions", "elements": []},))
    assert form["text"] == "<@U1>: a &lt; b"


async def test_files_of_all_kinds_are_one_message(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, file: Path
) -> None:
    """Each file counts in the budget of files, and the message once in those of messages."""
    at = rooms.build_address(slack.team, channel, "")
    files = [
        LocalFile(path=file, name=name, media_type=kind)
        for name, kind in (("a.png", "image/png"), ("b.txt", "text/plain"), ("", ""))
    ]
    assert [len(group) for group in await rooms.group_files(files * 4)] == [10, 2]
    (ref,) = await rooms.send_files(at, files, caption="look")
    message = slack.workspace.channels[channel].messages[ref.message_id]
    assert [one["name"] for one in message.files] == ["a.png", "b.txt", "file"]
    assert len([one for one in slack.calls if one.method == "files.completeUploadExternal"]) == 1
    assert len(rooms.file_cost(at, 3)) == len(rooms.file_cost(at)) + 2


async def test_files_are_found_by_their_sizes_among_unknown_messages(
    slack: SlackSimulator, rooms: SlackHandoffRooms, channel: str, file: Path, tmp_path: Path
) -> None:
    """A call without a reply is found; what other calls have shown, and files of other sizes, are not it."""
    (tmp_path / "other").write_bytes(b"other")
    files = [LocalFile(path=file, name="a", media_type=""), LocalFile(path=file, name="b", media_type="")]
    other = LocalFile(path=tmp_path / "other", name="a", media_type="")
    root = await send(slack, rooms, channel, file)
    at = rooms.build_address(slack.team, channel, root.message_id)
    (ref,) = await rooms.send_files(at, files, caption="")
    assert await rooms.find_files(at, files, exclude=frozenset()) == [ref]
    assert await rooms.find_files(at, files, exclude=frozenset({ref.message_id})) == []
    assert await rooms.find_files(at, [files[0], other], exclude=frozenset()) == []
