"""Files that were sent together arrive together, with one side on Slack."""

from typing import Any

from tests.service.desk.test_internal import talking
from tests.service.desk.test_relay import PNG

MP4 = b"\0\0\0\x18ftypisom"
PICTURES = [PNG + bytes([number]) for number in range(3)]


def slack_messages(side: Any) -> list[tuple[str, list[bytes]]]:
    """Return text and files of the bot's messages with files in a Slack room."""
    workspace = side.sim.workspace
    return [
        (one.source, [workspace.files[file["id"]][1] for file in one.files])
        for one in workspace.channels[side.channel].messages.values()
        if one.bot_id and one.files
    ]


def telegram_media(side: Any) -> list[Any]:
    """Return the bot's messages with files in a Telegram room."""
    world = side.sim._world
    chat = world.groups.get(int(side.channel)) or world.private[1, int(side.channel)]
    return [one for one in chat.messages.values() if one.sender.id == 1 and one.media]


def albums_of(messages: list[Any]) -> list[str]:
    """Return the album of each message; "" if it stands alone."""
    return [str(one.media.get("media_group_id", "")) for one in messages]


async def test_a_telegram_album_is_one_message_at_a_slack_desk(office: Any) -> None:
    """Its caption is the message's text, follows an edit, and a reaction to it reaches the album."""
    ann, team = await talking(office, "telegram", "slack")
    parts = await ann.sim.album(int(ann.channel), ann.person, ["look", "", ""], contents=PICTURES)
    await office.until(lambda: slack_messages(team), "the album is there")
    await office.settled()
    assert slack_messages(team) == [("*Ann:* look", PICTURES)]
    await ann.edit(str(parts[0]), "look here")
    await office.until(lambda: slack_messages(team)[0][0] == "*Ann:* look here", "the caption is changed")
    shown = await team.sees("look here")
    await team.sim.react(team.channel, shown.message_id, team.person, "eyes")
    reactions = ann.sim._world.private[1, int(ann.channel)].reactions
    await office.until(lambda: reactions.get(parts[0], {}).get(1) == ("👀",), "the album has the reaction")


async def test_files_of_one_slack_message_are_albums_on_telegram(office: Any) -> None:
    """Pictures and films stand together, documents apart; an edit into a note takes all of them back."""
    ann, team = await talking(office, "telegram", "slack")
    files = [
        ("a.png", PICTURES[0], "image/png"),
        ("a.pdf", b"%PDF", "application/pdf"),
        ("a.mp4", MP4, "video/mp4"),
        ("b.pdf", b"%PDF", "application/pdf"),
        ("b.png", PICTURES[1], "image/png"),
    ]
    said = await team.sim.share_files(team.channel, team.person, files, text="these", thread_ts=team.thread)
    await office.until(lambda: len(telegram_media(ann)) == 5, "all are there")
    shown = telegram_media(ann)
    assert [next(iter(one.media)) for one in shown] == ["photo", "video", "photo", "document", "document"]
    first, *_, last = albums = albums_of(shown)
    assert albums == [first, first, first, last, last]
    assert first != last
    assert [one.text for one in shown] == [shown[0].text, "", "", "", ""]
    assert "these" in shown[0].text
    await team.edit(said, "／／ these")
    await office.until(lambda: not telegram_media(ann), "the customer sees none of them")


async def test_a_slack_customers_files_are_an_album_at_a_telegram_desk(office: Any) -> None:
    """More than ten are two albums; the room's limit is kept, and a correction of the words arrives."""
    ann, team = await talking(office, "slack", "telegram")
    files = [(f"{number}.png", PNG + bytes([number]), "image/png") for number in range(12)]
    said = await ann.sim.share_files(ann.channel, ann.person, files, text="tweve photos")
    await office.until(lambda: len(telegram_media(team)) == 12, "all are there")
    albums = albums_of(telegram_media(team))
    assert [albums.count(one) for one in dict.fromkeys(albums)] == [10, 2]
    await ann.edit(said, "twelve photos")
    await team.sees("twelve photos")
    assert team.count("tweve") == 0
    await team.say("Thank you")
    await ann.sees("Thank you")
    assert office.telegram.refused == []


async def test_a_telegram_teams_album_is_one_message_for_a_slack_customer(office: Any) -> None:
    """A note on any part keeps all of it; without one it arrives whole."""
    ann, team = await talking(office, "slack", "telegram")
    chat, topic = int(team.channel), int(team.thread)
    await team.sim.album(chat, team.person, ["", "**// internal**", ""], contents=PICTURES, topic=topic)
    await team.sim.album(chat, team.person, ["", "yours", ""], contents=PICTURES, topic=topic)
    await office.until(lambda: slack_messages(ann), "the album is there")
    await office.settled()
    ((text, files),) = slack_messages(ann)
    assert files == PICTURES
    assert "yours" in text


async def test_an_album_whose_topic_was_deleted_arrives_in_the_new_one(office: Any) -> None:
    """It is sent again as one, below the new ticket."""
    ann, team = await talking(office, "slack", "telegram")
    team.sim.delete_topic(int(team.channel), int(team.thread))
    files = [(f"{number}.png", content, "image/png") for number, content in enumerate(PICTURES)]
    await ann.sim.share_files(ann.channel, ann.person, files, text="look")
    again = await office.desk("Ann")
    await office.until(lambda: len(telegram_media(again)) == 3, "the album is there")
    assert len(set(albums_of(telegram_media(again)))) == 1
    assert {str(one.thread_id) for one in telegram_media(again)} == {again.thread}


async def test_between_slack_rooms_files_of_a_message_stay_one(office: Any) -> None:
    """Both ways, and a deletion takes all of them back."""
    ann, team = await talking(office, "slack", "slack")
    files = [(f"{number}.png", content, "image/png") for number, content in enumerate(PICTURES)]
    await ann.sim.share_files(ann.channel, ann.person, files)
    said = await team.sim.share_files(team.channel, team.person, files, text="back", thread_ts=team.thread)
    await office.until(lambda: slack_messages(ann) and slack_messages(team), "both are there")
    assert slack_messages(team) == [("", PICTURES)]
    assert slack_messages(ann) == [("*Lin:* back", PICTURES)]
    await team.sim.delete(team.channel, said)
    await office.until(lambda: not slack_messages(ann), "the customer sees none of them")
