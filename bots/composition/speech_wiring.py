"""Builds what hears recordings, as the settings say."""

from bots.composition.settings_mapping import build_hearing_limits
from core.access import AccessLists
from core.domain.clock import Clock
from core.domain.errors import SettingsError
from core.files.transcriber import Transcriber
from core.ports.speech import SpeechToText
from core.settings import Settings
from core.speech import offline_recognizer
from core.speech.offline_recognizer import OfflineRecognizer
from core.speech.transcription_client import TranscriptionClient
from core.store import Database


def build_speech(settings: Settings, clock: Clock) -> SpeechToText | None:
    """Build the recognizer; None if recordings are not heard. Nothing is loaded or connected yet.

    Raises:
        SettingsError: the extra is not installed, or the folder holds no model.
    """
    if settings.speech_url is not None:
        key = settings.speech_key.get_secret_value() if settings.speech_key is not None else ""
        return TranscriptionClient(
            base_url=settings.speech_url, api_key=key, model=settings.speech_model, clock=clock
        )
    folder = settings.speech_folder
    if folder is None:
        return None
    if not offline_recognizer.is_installed():
        advice = "pip install 'moonthread[speech]', or build the image with EXTRA=speech"
        raise SettingsError([f"MOONTHREAD_SPEECH_FOLDER: the extra is missing; {advice}"])
    if missing := offline_recognizer.missing_files(folder):
        raise SettingsError(
            [f"MOONTHREAD_SPEECH_FOLDER: {folder} lacks {', '.join(missing)}; run moonthread speech fetch"]
        )
    return OfflineRecognizer(folder, max_s=build_hearing_limits(settings).max_s)


def build_transcriber(
    settings: Settings, speech: SpeechToText, database: Database, clock: Clock, access: AccessLists
) -> Transcriber:
    """Build what hears people's recordings within their limits."""
    return Transcriber(database, speech, clock, access, build_hearing_limits(settings))
