"""The check of ``moonthread check`` for the service that hears recordings."""

import asyncio
import io
import tempfile
import wave
from pathlib import Path
from urllib.parse import urlsplit

from bots.check_result import CheckResult
from core.kimi import KimiError
from core.settings import Settings
from core.speech.transcription_client import TranscriptionClient


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Let the service hear half a second of silence."""
    if settings.speech_url is None:
        return []
    host = urlsplit(settings.speech_url).hostname
    key = settings.speech_key.get_secret_value() if settings.speech_key is not None else ""
    client = TranscriptionClient(base_url=settings.speech_url, api_key=key, model=settings.speech_model)
    try:
        with tempfile.TemporaryDirectory(dir=tempfile.gettempdir()) as folder:
            path = Path(folder, "silence.wav")
            await asyncio.to_thread(path.write_bytes, silence())
            await client.hear(path, media_type="audio/wav")
    except KimiError as error:
        advice = "Check MOONTHREAD_SPEECH_URL, MOONTHREAD_SPEECH_KEY and MOONTHREAD_SPEECH_MODEL."
        return [CheckResult("fault", f"Voice: {host} hears nothing: {error}", advice)]
    finally:
        await client.close()
    return [CheckResult("ok", f"Voice: {host} hears recordings with {settings.speech_model}")]


def silence() -> bytes:
    """Return half a second of silence as a WAV file."""
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(16_000))
    return written.getvalue()
