"""Voice messages: heard before Kimi is asked, quoted above the answer, and kept as the person's words."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bots.simulator.kimi import Faults, ScriptedReply, answer_with
from bots.simulator.speech import SpeechSimulator
from core.chat_policy import ChatRules, Trigger, WeeklyHours, WeeklyRange
from core.store import rules
from core.store.clock import utc_now
from core.turns.intent_classifier import INSTRUCTION

OGG = b"OggS\x00\x02 what is tea"
OTHER = b"OggS\x00\x02 and coffee"
SILENCE = b"OggS\x00\x02 nothing"


@pytest.fixture
async def speech() -> AsyncIterator[SpeechSimulator]:
    """A service that hears two recordings."""
    async with SpeechSimulator() as simulator:
        simulator.words |= {OGG: "What is *tea*?", OTHER: "And coffee?"}
        yield simulator


async def start(world: Any, speech: SpeechSimulator, **settings: Any) -> None:
    """Start a service that hears."""
    await world.start(speech_url=speech.base_url, speech_key=speech.key, **settings)


async def speak(world: Any, room: Any, recording: bytes, caption: str = "") -> None:
    """Send a voice message, or a clip on Slack."""
    if world.name == "telegram":
        await world.sim.send_voice(int(room.channel), room.people[0], caption, content=recording)
    else:
        await room.send(("audio_message.m4a", recording, "audio/mp4"), text=caption)


def asked(world: Any, index: int = -1) -> str:
    """The question as Kimi read it."""
    return str(world.requests[index].messages[-1]["content"])


async def test_a_voice_message_is_answered(world: Any, speech: SpeechSimulator) -> None:
    """Kimi reads the words as the person's own, and the answer begins with what was understood."""
    world.kimi.script = answer_with("A drink.")
    await start(world, speech)
    room = world.direct()
    await speak(world, room, OGG)
    assert await world.done(1) == ["complete"]
    assert asked(world).startswith("What is *tea*?")
    assert room.texts[-1].replace("\\", "").lstrip("> ").startswith("🎤 What is *tea*?")
    assert room.texts[-1].endswith("A drink.")
    await room.ask("Thanks!")
    await world.done(2)
    history = [str(message["content"]) for message in world.requests[-1].messages]
    assert sum("What is *tea*?" in line for line in history) == 1
    assert "🎤" not in "".join(history)  # the quote is no part of the answer
    assert len(speech.requests) == 1
    world.assert_calm()


@pytest.mark.parametrize("platform", ["telegram"])
async def test_words_beside_a_recording_come_first(world: Any, speech: SpeechSimulator) -> None:
    """A caption and the spoken words are one question."""
    await start(world, speech)
    room = world.direct()
    await speak(world, room, OGG, "Listen:")
    assert await world.done(1) == ["complete"]
    assert asked(world).startswith("Listen:\n\nWhat is *tea*?")


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_restart_hears_nothing_twice(world: Any, speech: SpeechSimulator) -> None:
    """The words are stored with the file: the next process quotes them and goes on with the answer."""
    world.kimi.script = lambda request: ScriptedReply(
        "A drink from leaves.", faults=Faults(stall_after_chars=None if request.prefix else 7)
    )
    await start(world, speech)
    room = world.direct()
    await speak(world, room, OGG)
    await room.shows("A drink")
    await world.stop()
    await start(world, speech)
    await room.shows("A drink from leaves.")
    assert await world.done(1) == ["complete"]
    assert len(speech.requests) == 1
    (answer,) = room.answers
    assert answer.text.count("🎤") == 1
    assert "What is" not in str(world.requests[-1].prefix)


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_service_that_is_away_is_told_and_asked_again(world: Any, speech: SpeechSimulator) -> None:
    """Nothing is invented: the person hears that it could not be heard, and a retry hears it."""
    speech.failures = [(503, "down")] * 3
    await start(world, speech)
    room = world.direct()
    await speak(world, room, OGG)
    await room.shows("could not be read right now.")
    assert world.requests == []
    await room.order("retry")
    await world.done(2)
    assert asked(world).startswith("What is *tea*?")


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_recording_without_words_is_told(world: Any, speech: SpeechSimulator) -> None:
    """Silence is no question."""
    await start(world, speech)
    room = world.direct()
    await speak(world, room, SILENCE)
    await room.shows("I could not make out any words in audio.")
    assert world.requests == []


@pytest.mark.parametrize("platform", ["telegram"])
async def test_spoken_words_are_forgotten_like_written_ones(world: Any, speech: SpeechSimulator) -> None:
    """After `/forget` neither the message nor the file holds them."""
    await start(world, speech)
    room = world.direct()
    await speak(world, room, OGG)
    await world.done(1)
    assert [row[0] for row in await world.rows("SELECT text FROM messages WHERE role = 'user'")] == [
        "What is *tea*?"
    ]
    await room.order("forget")
    await room.press("Delete")
    await world.until(lambda: "deleted" in room.texts[-1].lower(), "the bot says that it is done")
    assert await world.rows("SELECT text FROM messages WHERE role = 'user'") == []
    assert await world.rows("SELECT id FROM files") == []


@pytest.mark.parametrize("platform", ["slack"])
async def test_minutes_are_counted_and_bounded(world: Any, speech: SpeechSimulator) -> None:
    """`/usage` tells them with their cost; beyond the day's minutes the person is told, kindly."""
    limits = {"speech_minutes_per_day": 0.3, "speech_max_minutes": 0.5}
    await start(world, speech, speech_usd_per_minute=0.6, **limits)
    room = world.direct()
    sound, more, most = OGG + bytes(5_000), OTHER + bytes(400_000), OTHER + bytes(600_000)
    speech.words[sound] = "What is tea?"
    await speak(world, room, sound)
    assert await world.done(1) == ["complete"]
    await room.order("usage")
    await room.shows("0.0 min of recordings")
    (row,) = await world.rows("SELECT sound_s, cost_usd FROM usage WHERE purpose = 'hearing'")
    assert row == (pytest.approx(len(sound) / 16_000), pytest.approx(len(sound) / 16_000 / 100))
    await speak(world, room, more)
    await room.shows("I did not listen to audio'message.m4a: your minutes for today are used up.")
    await speak(world, room, most)
    await room.shows("audio'message.m4a is too long for me to listen to.")
    assert len(speech.requests) == 1
    world.assert_calm()


async def test_the_person_sees_that_the_bot_listens(world: Any, speech: SpeechSimulator) -> None:
    """Hearing takes a while; the message says so until the answer replaces it."""
    speech.let_hear.clear()
    await start(world, speech)
    room = world.direct()
    await speak(world, room, OGG)
    await room.shows("Listening…")
    speech.let_hear.set()
    assert await world.done(1) == ["complete"]
    assert [text.count("Listening") for text in room.texts] == [0]


@pytest.mark.parametrize("platform", ["slack"])
async def test_several_recordings_are_one_question(world: Any, speech: SpeechSimulator) -> None:
    """Two clips and a file in one message, under whatever label; the words stand in their order."""
    await start(world, speech)
    room = world.direct()
    clips = [("a.mp4", OGG, "audio/mp4"), ("b.webm", OTHER, "audio/webm"), ("c.txt", b"notes", "text/plain")]
    await room.send(*clips, text="Both:")
    assert await world.done(1) == ["complete"]
    assert asked(world).startswith("Both:\n\nWhat is *tea*?\n\nAnd coffee?")
    assert (
        "What is \\*tea\\*? And coffee?" in room.texts[-1] or "What is *tea*? And coffee?" in room.texts[-1]
    )
    world.assert_calm()


async def test_a_clip_with_a_picture_is_heard(world: Any, speech: SpeechSimulator) -> None:
    """Telegram's round videos, and Slack's video clips."""
    clip = b"\x00\x00\x00\x18ftypmp42 round"
    speech.words[clip] = "What do you see?"
    await start(world, speech)
    room = world.direct()
    if world.name == "telegram":
        await world.sim.say(int(room.channel), room.people[0], "", media_kind="video_note", content=clip)
    else:
        await world.sim.share_file(
            room.channel,
            room.people[0],
            filename="clip.mp4",
            content=clip,
            mimetype="video/mp4",
            subtype="slack_video",
        )
    assert await world.done(1) == ["complete"]
    assert asked(world).startswith("What do you see?")
    assert [request.name for request in speech.requests] == ["recording.m4a"]


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_recording_that_is_replied_to_is_heard(world: Any, speech: SpeechSimulator) -> None:
    """Its words are its author's, in the question and in the quote."""
    await start(world, speech)
    room = world.group("Ann", "Bob")
    chat, (ann, bob) = int(room.channel), room.people
    voice = await world.sim.send_voice(chat, ann, content=OGG)
    await world.sim.say(chat, bob, "@moonthread_bot what does she want?", reply_to=voice)
    assert await world.done(1) == ["complete"]
    assert asked(world).startswith("Bob: Ann wrote:\n> What is *tea*?")
    assert asked(world).endswith("what does she want?")
    assert "🎤 Ann: What is" in room.texts[-1]


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_clip_above_the_question_is_heard(world: Any, speech: SpeechSimulator) -> None:
    """A channel's clip mentions nobody: whoever asks the bot in its thread asks about it."""
    await start(world, speech)
    room = world.group("Ann", "Bob")
    ann, bob = room.people
    root = await world.sim.share_files(room.channel, ann, [("clip.m4a", OGG, "audio/mp4")])
    await world.sim.say(room.channel, bob, f"<@{world.sim.bot_user}> what does she want?", root)
    assert await world.done(1) == ["complete"]
    history = [str(message["content"]) for message in world.requests[-1].messages]
    assert any(line.startswith("Ann: What is *tea*?") for line in history)
    assert len(speech.requests) == 1


async def test_a_spoken_command_is_a_command(world: Any, speech: SpeechSimulator) -> None:
    """Saying "slash usage" does what `/usage` does, and Kimi is not asked."""
    speech.words[OGG] = "Slash usage."
    await start(world, speech)
    room = world.direct()
    await speak(world, room, OGG)
    await room.shows("What you have used")
    await world.done(2)
    assert world.requests == []
    assert sum("🎤 Slash usage" in text for text in room.texts) == 1


@pytest.mark.parametrize("platform", ["telegram"])
async def test_what_is_said_aloud_is_judged_by_a_chats_rules(world: Any, speech: SpeechSimulator) -> None:
    """With the trigger "question" a recording is heard before Kimi judges; for the rest nothing is shown."""
    speech.words |= {OGG: "I need a red kettle", OTHER: "The weather is lovely today"}
    await start(world, speech)
    world.kimi.script = lambda request: (
        ("Yes" if "need" in request.question else "No")
        if request.messages[0]["content"] == INSTRUCTION
        else "A kettle."
    )
    room = world.group("Sue", "Ann")
    world.sim.promote_bot(int(room.channel))
    async with world.service.database.begin() as tx:
        made = ChatRules(trigger=Trigger.QUESTION, gather_s=0.0)
        await rules.save(tx, made, platform=world.name, tenant="", channel=room.channel, changed_by="")
    for recording in (OTHER, OGG):
        await world.sim.send_voice(int(room.channel), room.people[1], content=recording)
    await room.shows("🎤 I need a red kettle")
    await world.queued(0)
    assert len(room.texts) == 1
    assert len(speech.requests) == 2


@pytest.mark.parametrize("platform", ["telegram"])
async def test_outside_of_business_hours_nothing_is_heard(world: Any, speech: SpeechSimulator) -> None:
    """The closed text is all that the person gets."""
    await start(world, speech)
    room = world.group("Sue", "Ann")
    begins = (utc_now() + timedelta(hours=6)).hour * 60
    span = WeeklyRange(first_day=0, last_day=6, start_min=begins, end_min=(begins + 60) % 1440)
    hours = WeeklyHours(ranges=(span,), time_zone="UTC")
    async with world.service.database.begin() as tx:
        made = ChatRules(trigger=Trigger.ALWAYS, gather_s=0.0, hours=hours, closed_text="We are closed.")
        await rules.save(tx, made, platform=world.name, tenant="", channel=room.channel, changed_by="")
    world.sim.promote_bot(int(room.channel))
    await world.sim.send_voice(int(room.channel), room.people[1], content=OGG)
    await room.shows("We are closed.")
    await world.queued(0)
    assert speech.requests == []
    assert "🎤" not in "".join(room.texts)
