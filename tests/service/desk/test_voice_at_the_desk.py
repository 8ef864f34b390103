"""Voice messages of customers: their words call the team, and stand beside the sound at the desk."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bots.simulator.speech import SpeechSimulator

OGG = b"OggS\x00\x02 my order"
CALL = b"OggS\x00\x02 a person"
SILENCE = b"OggS\x00\x02 nothing"


@pytest.fixture
async def speech() -> AsyncIterator[SpeechSimulator]:
    """A service that hears a question and a request for a person."""
    async with SpeechSimulator() as simulator:
        simulator.words |= {OGG: "Where is *my* order?", CALL: "Please let me talk to a human agent."}
        yield simulator


async def speak(side: Any, recording: bytes) -> None:
    """Send a voice message, or a clip on Slack."""
    if side.platform == "telegram":
        await side.sim.send_voice(int(side.channel), side.person, content=recording)
    else:
        files = [("audio_message.m4a", recording, "audio/mp4")]
        await side.sim.share_files(side.channel, side.person, files)


@pytest.mark.parametrize(
    ("customers", "desk"), [("telegram", "slack"), ("slack", "telegram"), ("telegram", "telegram")]
)
async def test_a_spoken_request_calls_the_team_which_reads_what_is_said(
    office: Any, speech: SpeechSimulator, customers: str, desk: str
) -> None:
    """Sound and words go to the desk; silence is relayed as sound alone."""
    office.open_desk(desk)
    await office.start(speech_url=speech.base_url, speech_key=speech.key)
    ann = office.customer(customers, direct=True)
    await speak(ann, CALL)
    await ann.sees("🎤 Please let me talk to a human agent.")
    team = await office.desk("Ann")
    await team.press(office.card(team), "Take")
    await speak(ann, OGG)
    await team.sees("What the recording says:", "my")
    await speak(ann, SILENCE)
    await office.until(lambda: len(speech.requests) == 3, "the silence is heard")
    await office.settled()
    assert team.count("What the recording says:") == 1
    rows = await office.rows("SELECT kind FROM handoff_outbox WHERE kind = 'file' AND state = 'done'")
    assert len(rows) == 3
    (line,) = await office.rows("SELECT text FROM messages WHERE text LIKE 'Where is%'")
    assert line.text == "Where is *my* order?"
