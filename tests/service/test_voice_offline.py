"""The whole service with the engine of the extra, which hears real recordings (``make test-speech``)."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with
from tests.speech_models import RECORDINGS, english_model
from tests.speech_models import engine as engine

pytestmark = [pytest.mark.slow, pytest.mark.real_time, pytest.mark.timeout(600)]

WITHIN_S = 300.0  #: on a machine that is busy with other tests


async def test_a_voice_message_is_heard_on_this_machine(world: Any, engine: None) -> None:
    """Opus from Telegram, M4A from Slack; seconds are counted, and cost nothing."""
    world.kimi.script = answer_with("At ten.")
    await world.start(speech_folder=english_model())
    room = world.direct()
    if world.name == "telegram":
        recording = (RECORDINGS / "shop.ogg").read_bytes()
        await world.sim.send_voice(int(room.channel), room.people[0], content=recording)
    else:
        await room.send(("audio_message.m4a", (RECORDINGS / "shop.m4a").read_bytes(), "audio/mp4"))
    await world.until(lambda: room.texts and room.texts[-1].endswith("At ten."), "the answer", WITHIN_S)
    assert room.texts[-1].lower().lstrip("> ").startswith("🎤 when does the sh")
    (row,) = await world.rows("SELECT sound_s, cost_usd, model FROM usage WHERE purpose = 'hearing'")
    assert row == (pytest.approx(2.72, abs=0.01), 0, "model")
    world.assert_calm()
