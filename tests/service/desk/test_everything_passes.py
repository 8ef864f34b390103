"""Whatever either side sends arrives on the other: recordings, stickers, places, contacts, polls."""

from typing import Any

from bots.simulator.telegram import contents
from tests.service.desk.test_internal import talking

MEDIA = ("voice", "audio", "sticker", "video_note", "live_photo", "photo", "document")


def media_in(side: Any) -> list[str]:
    """Return the kinds of what the bot sent in a Telegram room besides words, in order."""
    world = side.sim._world
    chat = world.groups.get(int(side.channel)) or side.sim._world.private[1, int(side.channel)]
    return [
        next(iter(one.media))
        for one in chat.messages.values()
        if one.sender.id == 1 and one.media and (not side.thread or str(one.thread_id) == side.thread)
    ]


def files_in(side: Any) -> list[tuple[str, bytes]]:
    """Return names and bytes of the bot's files in a Slack room."""
    messages = side.sim.workspace.channels[side.channel].messages.values()
    files = [file for one in messages if one.bot_id for file in one.files]
    return [(file["name"], side.sim.workspace.files[file["id"]][1]) for file in files]


async def test_between_telegram_chats_everything_is_copied(office: Any) -> None:
    """Both ways, as what it is: a voice message is a voice message, a place a place."""
    ann, team = await talking(office, "telegram", "telegram")
    others = {
        "location": contents.location(31.2304, 121.4737),
        "contact": contents.contact("Ben", "+49 30 1234"),
        "poll": contents.poll("Which one?", ["A", "B"]),
    }
    for kind in MEDIA:
        await ann.say(media_kind=kind, text="")
        await team.say(media_kind=kind, text="")
    for other in others.values():
        await ann.say("", other=other)
        await team.say("", other=other)
    expected = [kind if kind != "live_photo" else "photo" for kind in (*MEDIA, *others)]
    await office.until(lambda: len(media_in(ann)) == len(media_in(team)) == len(expected), "all is copied")
    assert media_in(team) == media_in(ann) == expected
    assert team.count("无法转发") == ann.count("无法转") == 0
    assert await office.state() == "staff"


async def test_from_telegram_recordings_are_files_and_the_rest_words(office: Any) -> None:
    """Slack shows recordings as files; places, contacts and polls are told in words."""
    ann, team = await talking(office, "telegram", "slack")
    for kind in ("voice", "audio", "sticker", "video_note"):
        await ann.say("", media_kind=kind, content=kind.encode())
    await ann.say("", other=contents.venue("Oriental Pearl", "1 Century Avenue", 31.24, 121.5))
    await ann.say("", other=contents.contact("Ben", "+49 30 1234"))
    await ann.say("", other=contents.poll("Which one?", ["A", "B"]))
    await team.sees("Which one?")
    await team.sees("Oriental Pearl")
    await team.sees("+49 30 1234")
    await office.settled()
    assert [content for _, content in files_in(team)] == [b"voice", b"audio", b"sticker", b"video_note"]
    assert team.count("无法转发") == 0


async def test_slacks_clips_reach_telegram(office: Any) -> None:
    """A clip that staff records can be played by the customer; what Telegram cannot play is a file."""
    ann, team = await talking(office, "telegram", "slack")
    m4a = b"\0\0\0\x18ftypM4A "
    clips = [(m4a, "audio/mp4"), (m4a, "video/mp4"), (b"OggS" + bytes(24) + b"OpusHead", "audio/ogg")]
    for content, mimetype in (*clips, (b"clip", "audio/mp4"), (b"\x1aE\xdf\xa3", "video/webm")):
        files = [("clip", content, mimetype)]
        await office.slack.share_files(team.channel, team.person, files, text="", thread_ts=team.thread)
    await office.until(lambda: len(media_in(ann)) == 5, "the clips are there")
    await office.settled()
    assert media_in(ann) == ["audio", "video", "voice", "document", "document"]
    assert team.count("没有收到") == 0


async def test_replies_are_replies_on_the_other_side(office: Any) -> None:
    """Of two questions the desk sees which one is answered, and the customer which of theirs is."""
    ann, team = await talking(office, "telegram", "telegram")
    first = await team.say("Is it the red one?")
    await team.say("Or the blue one?")
    asked = await ann.sees("the red one")
    await ann.sees("the blue one")
    mine = await ann.say("yes, this one", reply_to=int(asked.message_id))
    copy = await team.sees("yes, this one")
    assert copy.reply_to == first
    await team.say("Then it is on its way", reply_to=int(copy.message_id))
    assert (await ann.sees("on its way")).reply_to == mine


async def test_an_album_is_one_on_the_other_side(office: Any) -> None:
    """Three pictures that were sent together stand together, both ways, below the caption."""
    ann, team = await talking(office, "telegram", "telegram")
    await ann.sim.album(int(ann.channel), ann.person, ["look", "", ""])
    await ann.sim.album(int(team.channel), team.person, ["and these", "", ""], topic=int(team.thread))
    for side, words in ((team, "look"), (ann, "and these")):
        await side.sees(words)
        await office.until(lambda side=side: len(groups_in(side)) == 3, "the album is there")
        assert len(set(groups_in(side))) == 1


def groups_in(side: Any) -> list[str]:
    """Return the albums that the bot's messages in a Telegram room belong to."""
    world = side.sim._world
    chat = world.groups.get(int(side.channel)) or world.private[1, int(side.channel)]
    return [
        str(one.media["media_group_id"])
        for one in chat.messages.values()
        if one.sender.id == 1 and one.media.get("media_group_id")
    ]


async def test_reactions_pass_between_the_platforms(office: Any) -> None:
    """Staff's 🤔 on Slack is put under the customer's words on Telegram, and the customer's under theirs."""
    office.open_desk("slack")
    await office.start()
    ann = office.customer("telegram")  # in a group: of private chats Telegram tells bots no reactions
    await ann.ask("转人工")
    team = await office.desk("Ann", within_s=60.0)
    chat = office.telegram.chat(int(ann.channel))
    said = await ann.ask("Is it red?")
    copy = await team.sees("Is it red?")
    answer = await team.say("It is blue.")
    shown = await ann.sees("It is blue.")
    await office.slack.react(team.channel, copy.message_id, team.person, "thinking_face")
    await office.until(lambda: chat.reactions.get(int(said), {}).get(1) == ("🤔",), "the customer sees it")
    office.telegram.react(int(ann.channel), int(shown.message_id), ann.person, "👨\u200d💻")
    theirs = office.slack.workspace.channels[team.channel].messages[answer]
    await office.until(lambda: "male-technologist" in theirs.reactions, "the team sees it")
    await office.slack.react(team.channel, copy.message_id, team.person, "thinking_face", remove=True)
    await office.until(lambda: not chat.reactions[int(said)][1], "it is taken away")
    await office.slack.react(team.channel, copy.message_id, team.person, "white_check_mark")
    assert (await ann.sees("✅")).reply_to == said, "Telegram has no such reaction"
