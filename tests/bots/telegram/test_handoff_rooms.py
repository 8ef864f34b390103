"""Topics and files through python-telegram-bot: what Telegram refuses, and what becomes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.addressing import GENERAL_TOPIC
from bots.telegram.app import TelegramApp
from bots.telegram.file_groups import UploadKind, form_groups
from bots.telegram.handoff_rooms import TelegramHandoffRooms, shorten_title
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock
from core.domain.errors import PlatformForbidden, PlatformOutcomeUnknown, PlatformRateLimited, PlatformRefused
from core.ports.handoff_rooms import LocalFile

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


@pytest.fixture
async def rooms(make_app: Callable[..., TelegramApp]) -> TelegramHandoffRooms:
    """Return the rooms of a connected bot whose calls are given up after 0.3 s."""
    app = make_app(call_timeout_s=0.3)
    await app.connect()
    assert isinstance(app.handoff_rooms, TelegramHandoffRooms)
    return app.handoff_rooms


@pytest.fixture
async def forum(telegram: TelegramSimulator) -> int:
    """Return a forum whose bot is an administrator."""
    forum = telegram.add_group("Desk", [telegram.add_person("Bo")], forum=True)
    telegram.promote_bot(forum)
    return forum


async def send(
    rooms: TelegramHandoffRooms, where: int, path: Path, media_type: str = "image/png"
) -> MessageRef:
    """Send a file to a chat."""
    at = rooms.build_address("1", str(where), "")
    file = LocalFile(path=path, name="a.png", media_type=media_type)
    (ref,) = await rooms.send_files(at, [file], caption="c")
    return ref


async def test_a_room_without_topics_or_rights_is_refused_and_not_closed(
    telegram: TelegramSimulator, rooms: TelegramHandoffRooms
) -> None:
    """The desk can still write there; only a chat that threw the bot out is closed."""
    bo = telegram.add_person("Bo")
    plain, other = telegram.add_group("Plain", [bo]), telegram.add_group("Forum", [bo], forum=True)
    for chat in (plain, other):
        with pytest.raises(PlatformRefused):
            await rooms.open_topic(str(chat), "Ann")
    telegram.kick_bot(other)
    with pytest.raises(PlatformForbidden):
        await rooms.open_topic(str(other), "Ann")


async def test_a_topic_whose_reply_is_lost_is_uncertain(
    telegram: TelegramSimulator, rooms: TelegramHandoffRooms, forum: int
) -> None:
    """It may have been opened, so nobody may open another one blindly."""
    telegram.faults.next("createForumTopic", "lost_reply")
    with pytest.raises(PlatformOutcomeUnknown):
        await rooms.open_topic(str(forum), "Ann")
    telegram.flood(forum, 30)
    with pytest.raises(PlatformRateLimited):
        await rooms.open_topic(str(forum), "Ann")


async def test_closing_what_is_gone_is_success(
    telegram: TelegramSimulator, rooms: TelegramHandoffRooms, forum: int
) -> None:
    """A deleted topic and General need nothing; missing rights are told."""
    thread = await rooms.open_topic(str(forum), "Ann")
    telegram.delete_topic(forum, int(thread))
    await rooms.close_topic(str(forum), thread)
    calls = len(telegram.calls)
    await rooms.close_topic(str(forum), GENERAL_TOPIC)
    await rooms.close_topic(str(forum), "")
    assert len(telegram.calls) == calls
    other = telegram.add_group("Forum", [telegram.add_person("Bo")], forum=True)
    with pytest.raises(PlatformForbidden):
        await rooms.close_topic(str(other), str(telegram.add_topic(other, "News")))


async def test_a_picture_that_telegram_cannot_read_goes_as_a_document(
    telegram: TelegramSimulator, rooms: TelegramHandoffRooms, forum: int, tmp_path: Path
) -> None:
    """Its bytes arrive all the same, in one message."""
    (tmp_path / "a.png").write_bytes(b"no picture")
    ref = await send(rooms, forum, tmp_path / "a.png")
    (shown,) = telegram.screen.in_channel(str(forum), by_bot=True)
    assert (shown.message_id, shown.text) == (ref.message_id, "c")
    assert [call.method for call in telegram.calls[-2:]] == ["sendPhoto", "sendDocument"]
    assert telegram.calls[-1].params["document"] == ("a.png", b"no picture")


async def test_a_file_follows_a_group_that_became_a_supergroup(
    telegram: TelegramSimulator, rooms: TelegramHandoffRooms, tmp_path: Path
) -> None:
    """What is sent to the old id stands in the new chat, once."""
    old = telegram.add_group("Team", [telegram.add_person("Bo")], basic=True)
    new = telegram.migrate(old)
    (tmp_path / "a").write_bytes(b"a")
    ref = await send(rooms, old, tmp_path / "a", "text/plain")
    assert ref.channel == str(new)
    assert len(telegram.screen.in_channel(str(new), by_bot=True)) == 1


async def test_the_group_is_not_asked_for_more_than_it_grants(
    telegram: TelegramSimulator, rooms: TelegramHandoffRooms, forum: int, clock: Clock
) -> None:
    """Topics and files name the budget that messages of the group share."""
    (budget, overall) = rooms.topic_cost(str(forum))
    assert budget.key == f"telegram:1:chat:{forum}"
    assert overall.key == "telegram:1:all"
    assert rooms.file_cost(rooms.build_address("1", str(forum), "7")) == (budget, overall)
    private = rooms.file_cost(rooms.build_address("1", "1001", ""))
    assert private[0].per_s > budget.per_s


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("a\n b", "a b"),
        ("", "…"),
        ("x" * 128, "x" * 128),
        ("x" * 129, "x" * 127 + "…"),
        ("😀" * 70, "😀" * 63 + "…"),
    ],
)
def test_a_title_is_made_to_fit(title: str, shown: str) -> None:
    """One line of at most 128 UTF-16 units."""
    assert shorten_title(title) == shown


def test_addresses_name_the_topic_and_nothing_else(rooms: TelegramHandoffRooms) -> None:
    """General and plain chats have no topic; people are private."""
    assert rooms.build_address("1", "-100", "7").details == {"chat": "group", "said_in": "-100", "topic": "7"}
    assert "topic" not in rooms.build_address("1", "-100", GENERAL_TOPIC).details
    assert rooms.build_address("1", "1001", "").details["chat"] == "private"
    assert rooms.build_address("1", "-100", "", reply_to="9").reply_to == "9"


def test_a_chat_that_speaks_as_itself_is_not_mentioned(rooms: TelegramHandoffRooms) -> None:
    """Anonymous administrators and channels are only named."""
    assert rooms.format_mention("-1001", "Team") == "@\u200bTeam"
    assert rooms.format_mention("7", "Ann").startswith("[@")


def local_files(folder: Path, *described: tuple[str, bytes, str]) -> list[LocalFile]:
    """Write files, given as (name, content, media type), to the disk."""
    for name, content, _ in described:
        (folder / name).write_bytes(content)
    return [LocalFile(path=folder / name, name=name, media_type=kind) for name, _, kind in described]


async def test_files_are_grouped_as_albums_take_them(rooms: TelegramHandoffRooms, tmp_path: Path) -> None:
    """Pictures with films, documents, and music apart; ten at most; a voice message alone."""
    voice = b"OggS" + bytes(24) + b"OpusHead"
    files = local_files(
        tmp_path,
        ("a.png", PNG, "image/png"),
        ("a.pdf", b"%PDF", "application/pdf"),
        ("a.mp4", b"\0\0\0\x18ftypisom", "video/mp4"),
        ("a.mp3", b"ID3", "audio/mpeg"),
        ("a.ogg", voice, "audio/ogg"),
        ("b.mov", b"no film", "video/quicktime"),
        ("b.mp3", b"ID3", "audio/mpeg"),
        *((f"{number}.png", PNG, "image/png") for number in range(9)),
    )
    groups = await rooms.group_files(files)
    assert [[file.name for file in group] for group in groups] == [
        ["a.png", "a.mp4", *(f"{number}.png" for number in range(8))],
        ["a.pdf", "b.mov"],
        ["a.mp3", "b.mp3"],
        ["a.ogg"],
        ["8.png"],
    ]


def test_an_album_is_not_larger_than_one_file_may_be() -> None:
    """Each of three is small enough, and no two of them together are."""
    assert form_groups([(UploadKind.DOCUMENT, 30_000_000)] * 3) == [[0], [1], [2]]
    assert form_groups([(UploadKind.DOCUMENT, 25_000_000)] * 3) == [[0, 1], [2]]


async def test_an_album_that_telegram_refuses_as_pictures_is_one_of_documents(
    telegram: TelegramSimulator, rooms: TelegramHandoffRooms, forum: int, tmp_path: Path
) -> None:
    """No part is lost for another one, and they stay together."""
    files = local_files(tmp_path, ("a.png", PNG, "image/png"), ("b.png", b"broken", "image/png"))
    shown = await rooms.send_files(rooms.build_address("1", str(forum), ""), files, caption="**c**")
    assert [call.method for call in telegram.calls[-2:]] == ["sendMediaGroup", "sendMediaGroup"]
    messages = [telegram.chat(forum).messages[int(ref.message_id)] for ref in shown]
    assert [next(iter(one.media)) for one in messages] == ["document", "document"]
    assert [one.text for one in messages] == ["c", ""]


async def test_an_album_costs_as_much_as_its_messages(rooms: TelegramHandoffRooms, forum: int) -> None:
    """The group's and the bot's budgets are named once for each."""
    at = rooms.build_address("1", str(forum), "")
    assert list(rooms.file_cost(at, 3)) == [*rooms.file_cost(at)] * 3
