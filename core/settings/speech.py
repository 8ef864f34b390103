"""Settings of hearing: what turns recordings into words, and how much it hears."""

from pathlib import Path

from pydantic import BaseModel

from core.settings.declare import setting
from core.settings.shapes import ApiKey, KimiBaseUrl, ModelName


class SpeechFields(BaseModel):
    """Fields of :class:`core.settings.Settings`: part of the group Answers."""

    speech_url: KimiBaseUrl | None = setting(
        "MOONTHREAD_SPEECH_URL",
        "Answers",
        "The address of a service with OpenAI's `/audio/transcriptions`, such as "
        "`https://api.groq.com/openai/v1` or a server of your own. With it voice messages are heard; they "
        "are sent to no other service.",
    )
    speech_key: ApiKey | None = setting(
        "MOONTHREAD_SPEECH_KEY", "Answers", "The key of that service, if it asks for one."
    )
    speech_model: ModelName = setting(
        "MOONTHREAD_SPEECH_MODEL", "Answers", "The name of the model there.", default="whisper-1"
    )
    speech_folder: Path | None = setting(
        "MOONTHREAD_SPEECH_FOLDER",
        "Answers",
        "The folder of a Whisper model that `moonthread speech fetch` loads: voice messages are heard on "
        "this machine, with the extra `moonthread[speech]`, if `MOONTHREAD_SPEECH_URL` is unset.",
    )
    speech_max_minutes: float = setting(
        "MOONTHREAD_SPEECH_MAX_MINUTES",
        "Answers",
        "Minutes of the longest recording that is heard.",
        default=10.0,
        gt=0,
        le=120,
    )
    speech_max_mb: int = setting(
        "MOONTHREAD_SPEECH_MAX_MB",
        "Answers",
        "Megabytes of the largest recording; services take 25, and Telegram lets bots load 20.",
        default=25,
        ge=1,
        le=100,
    )
    speech_minutes_per_day: float = setting(
        "MOONTHREAD_SPEECH_MINUTES_PER_DAY",
        "Access",
        "Minutes of recordings that are heard of one person in a day; 0 is no limit. Admins have none.",
        default=60.0,
        ge=0,
    )
    speech_usd_per_minute: float | None = setting(
        "MOONTHREAD_SPEECH_USD_PER_MINUTE",
        "Access",
        "The price of a minute at `MOONTHREAD_SPEECH_URL` in USD, for `/usage` and `moonthread usage`: "
        "`0.006`, for instance. On this machine hearing costs nothing.",
        ge=0,
    )

    @property
    def hears_recordings(self) -> bool:
        """Whether voice messages are heard."""
        return self.speech_url is not None or self.speech_folder is not None
