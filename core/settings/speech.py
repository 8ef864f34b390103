"""Settings of hearing: the service that turns recordings into words."""

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
