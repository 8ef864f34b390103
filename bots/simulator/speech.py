"""A strict local stand-in for a service with OpenAI's ``POST /audio/transcriptions``."""

import asyncio
import email.parser
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bots.web_server import WebServer

MAX_BYTES = 25 * 1024 * 1024
CONTAINERS: Mapping[str, tuple[bytes, int]] = {
    "ogg": (b"OggS", 0),
    "m4a": (b"ftyp", 4),
    "webm": (b"\x1a\x45\xdf\xa3", 0),
    "wav": (b"RIFF", 0),
    "flac": (b"fLaC", 0),
    "mp3": (b"ID3", 0),
}
"""Extension → first bytes and their offset: the service decodes by the name and refuses anything else."""


@dataclass(slots=True, kw_only=True)
class HeardRequest:
    """One request as it came."""

    name: str = ""
    content: bytes = field(default=b"", repr=False)
    fields: Mapping[str, str] = field(default_factory=dict)
    key: str = ""


class SpeechSimulator:
    """The service on a free port of 127.0.0.1; hears what ``words`` says of each recording's bytes."""

    def __init__(self, *, key: str = "sk-speech", model: str = "whisper-1") -> None:
        self.key, self.model = key, model
        self.words: dict[bytes, str] = {}  #: what is said in a recording; nothing in others
        self.failures: list[tuple[int, str]] = []  #: status and message of the next answers
        self.requests: list[HeardRequest] = []
        self.let_hear = asyncio.Event()  #: cleared, recordings are held back
        self.let_hear.set()
        self._server: WebServer | None = None
        self.app = Starlette(routes=[Route("/v1/audio/transcriptions", self._transcribe, methods=["POST"])])

    @property
    def base_url(self) -> str:
        """The base URL, ending in ``/v1``."""
        if self._server is None:
            raise RuntimeError("the stand-in that hears is not running")
        return f"{self._server.url}/v1"

    async def __aenter__(self) -> "SpeechSimulator":
        self._server = WebServer(self.app, port=0)
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            await self._server.close()

    async def _transcribe(self, request: Request) -> Response:
        seen = _read_form(request.headers.get("content-type", ""), await request.body())
        seen.key = request.headers.get("authorization", "").removeprefix("Bearer ")
        self.requests.append(seen)
        if seen.key != self.key:
            return _error(401, "invalid_api_key", "Incorrect API key provided.")
        await self.let_hear.wait()
        if self.failures:
            status, message = self.failures.pop(0)
            return _error(status, "server_error" if status >= 500 else "invalid_request_error", message)
        if seen.fields.get("model") != self.model:
            return _error(404, "model_not_found", f"The model {seen.fields.get('model')!r} does not exist.")
        unknown = set(seen.fields) - {"model", "language", "prompt", "response_format", "temperature"}
        if unknown or seen.fields.get("response_format", "json") != "json":
            return _error(400, "invalid_request_error", f"Unrecognized request argument: {sorted(unknown)}")
        if not seen.content or len(seen.content) > MAX_BYTES:
            return _error(413, "invalid_request_error", "Maximum content size limit (26214400) exceeded.")
        magic, at = CONTAINERS.get(seen.name.rpartition(".")[2], (b"\0", 0))
        if not seen.content[at:].startswith(magic):
            return _error(400, "invalid_request_error", "Invalid file format.")
        return JSONResponse({"text": self.words.get(seen.content, "")})


def _read_form(content_type: str, body: bytes) -> HeardRequest:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    name, content, fields = "", b"", {}
    for part in form.iter_parts() if form.is_multipart() else ():
        payload = part.get_payload(decode=True)
        value = payload if isinstance(payload, bytes) else b""
        field_name = str(part.get_param("name", header="content-disposition"))
        if field_name == "file":
            name, content = part.get_filename() or "", value
        else:
            fields[field_name] = value.decode("utf-8", "replace")
    return HeardRequest(name=name, content=content, fields=fields)


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"error": {"message": message, "type": code, "code": code}}, status_code=status)
