"""The check of ``moonthread check`` for what hears recordings."""

import asyncio
import io
import tempfile
import wave
from pathlib import Path
from urllib.parse import urlsplit

from bots.check_result import CheckResult
from bots.composition.speech_wiring import build_speech
from core.domain.clock import SystemClock
from core.kimi import KimiError
from core.ports.speech import HearingFailed
from core.settings import Settings


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Let it hear half a second of silence.

    Raises:
        SettingsError: the extra is not installed, or the folder holds no model.
    """
    speech = build_speech(settings, SystemClock())
    if speech is None:
        return []
    place = urlsplit(settings.speech_url).hostname if settings.speech_url is not None else "this machine"
    advice = "Check MOONTHREAD_SPEECH_URL, MOONTHREAD_SPEECH_KEY and MOONTHREAD_SPEECH_MODEL."
    if settings.speech_url is None:
        advice = "Fetch the model anew: moonthread speech fetch."
    try:
        with tempfile.TemporaryDirectory(dir=tempfile.gettempdir()) as folder:
            path = Path(folder, "silence.wav")
            await asyncio.to_thread(path.write_bytes, silence())
            await speech.hear(path, media_type="audio/wav")
    except (KimiError, HearingFailed) as error:
        return [CheckResult("fault", f"Voice: {place} hears nothing: {error}", advice)]
    finally:
        await speech.close()
    return [CheckResult("ok", f"Voice: {place} hears recordings with {speech.model}")]


def silence() -> bytes:
    """Return half a second of silence as a WAV file."""
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(16_000))
    return written.getvalue()
