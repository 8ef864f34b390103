"""Hears recordings through any service with OpenAI's ``POST /audio/transcriptions``.

Source: https://platform.openai.com/docs/api-reference/audio/createTranscription; Groq, SiliconFlow,
speaches and whisper.cpp's server take the same form. Errors, timeouts and retries are those of
:mod:`core.kimi`.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import orjson

from core.domain.clock import Clock, SystemClock
from core.kimi.api_errors import KimiUnreadableReply
from core.kimi.connection import Connection
from core.kimi.endpoint import Endpoint
from core.kimi.retry_policy import RetryPolicy, Timeouts
from core.kimi.wire_text import repair_text
from core.ports.speech import Heard

RETRY: Final = RetryPolicy(max_attempts=3, total_wait_s=30.0)
TIMEOUTS: Final = Timeouts(
    first_byte_s=120.0, whole_s=180.0
)  #: ten minutes of sound take a busy server a minute
MAX_HEARD_CHARS: Final = 200_000  #: of one recording; ten hours of speech
NO_KEY: Final = "none"  #: sent to a server of one's own that asks for no key

#: First bytes of a container, their offset → the extension by which services choose a decoder. Platforms
#: label recordings freely: Slack's clips are "video/mp4" or "audio/webm" (hermes-agent#51287).
_CONTAINERS: Final = (
    (b"OggS", 0, "ogg"),
    (b"ftyp", 4, "m4a"),
    (b"\x1a\x45\xdf\xa3", 0, "webm"),
    (b"RIFF", 0, "wav"),
    (b"fLaC", 0, "flac"),
    (b"ID3", 0, "mp3"),
    (b"\xff\xfb", 0, "mp3"),
    (b"\xff\xf3", 0, "mp3"),
)


class TranscriptionClient:
    """Client of one service. Implements :class:`core.ports.speech.SpeechToText`."""

    def __init__(self, *, base_url: str, api_key: str, model: str, clock: Clock | None = None) -> None:
        """Check key and address; nothing is sent yet.

        Args:
            base_url: the service's address, such as "https://api.groq.com/openai/v1".
            api_key: its key; "" if it asks for none.
            model: the name of the model there.
            clock: measures waits and timeouts.

        Raises:
            ValueError: the base URL is no HTTP address, or the key cannot be sent in a header.
        """
        endpoint = Endpoint(api_key=api_key or NO_KEY, base_url=base_url)
        self._url = f"{endpoint.base_url}/audio/transcriptions"
        self.model = model
        self._connection = Connection(endpoint, clock or SystemClock(), TIMEOUTS)

    async def close(self) -> None:
        """Close all connections."""
        await self._connection.close()

    async def hear(self, path: Path, *, media_type: str, language: str = "") -> Heard:
        """Return the words of a recording; see :meth:`core.ports.speech.SpeechToText.hear`."""
        fields = {"model": self.model, "response_format": "json"} | (
            {"language": language} if language else {}
        )
        boundary = secrets.token_hex(16)

        async def once() -> Heard:
            with path.open("rb") as stream:
                name = f"recording.{_extension(stream.read(16))}"
                stream.seek(0)
                post = self._connection.build_request(
                    "POST",
                    self._url,
                    data=fields,
                    files={"file": (name, stream, media_type or "application/octet-stream")},
                    headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
                )
                body, request_id = await self._connection.fetch(post, endpoint_kind="chat", phase="whole")
            return parse_transcription(body, request_id=request_id)

        return await self._connection.with_retries(once, RETRY)


def parse_transcription(body: bytes, *, request_id: str = "") -> Heard:
    """Return the words in a response.

    Raises:
        KimiUnreadableReply: it is of another form.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = None
    match answer:
        case {"text": str(text)}:
            text = repair_text(text[:MAX_HEARD_CHARS]).strip()
            return Heard(text=text, seconds=_seconds_of(answer))
        case _:
            raise KimiUnreadableReply("no transcription", request_id=request_id)


def _seconds_of(answer: Mapping[str, object]) -> float:
    """Return the length of the recording that a service counted; 0 if it does not say."""
    match answer:
        case {"usage": {"seconds": int() | float() as seconds}} | {"duration": int() | float() as seconds}:
            return max(0.0, seconds)
        case _:
            return 0.0


def _extension(head: bytes) -> str:
    return next((extension for magic, at, extension in _CONTAINERS if head[at:].startswith(magic)), "ogg")
