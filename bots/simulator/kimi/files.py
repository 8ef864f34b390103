"""The files of the account: what is kept, what is refused, and what a message may refer to.

Source: Moonshot's OpenAPI and its pages on files; texts in quotes are Moonshot's where the
reference has them.
"""

import base64
import binascii
import email.parser
import email.policy
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bots.simulator.kimi.extraction import Unextractable, extract
from bots.simulator.kimi.messages import Message
from bots.simulator.kimi.refusal import Refusal, Refused, invalid
from core.domain.clock import Clock

PURPOSES = ("file-extract", "image", "video", "batch")
MEGABYTE = 1024 * 1024
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM")
_PICTURE_ENDINGS = ("png", "jpg", "jpeg", "gif", "webp", "bmp", "heic", "heif", "svg")


@dataclass(slots=True, kw_only=True)
class StoredFile:
    """One file as it is kept."""

    id: str
    name: str
    purpose: str
    content: bytes = field(repr=False)
    created_at: float
    text: str = ""  #: what was taken out of it

    def listed(self, status: str) -> dict[str, Any]:
        """Return the file object."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": len(self.content),
            "created_at": int(self.created_at),
            "filename": self.name,
            "purpose": self.purpose,
            "status": status,
            "status_details": "",
        }


class Shelf:
    """``/files``: strict about size, purpose and format."""

    def __init__(self, clock: Clock) -> None:
        self.files: dict[str, StoredFile] = {}
        self.uploads: list[StoredFile] = []  #: everything that was ever taken, in order
        self.deleted: list[str] = []  #: ids
        self.most_files = 1_000
        self.most_bytes = 100 * MEGABYTE  #: of one file
        self.extract_s = 0.0  #: how long a file's text is not ready after the upload
        self.refuse: list[Refusal] = []  #: answered to the next uploads, in order
        self._clock = clock
        self._numbers = itertools.count(1)

    async def upload(self, request: Request) -> dict[str, object]:
        """``POST /files``."""
        purpose, name, content = _form(request.headers.get("content-type", ""), await request.body())
        if self.refuse:
            raise Refused(self.refuse.pop(0))
        if purpose not in PURPOSES:
            raise Refused(invalid(f"Invalid purpose: only {', '.join(PURPOSES)} accepted"))
        if not content:
            raise Refused(invalid("File size is zero, please confirm and re-upload the file"))
        if len(content) > self.most_bytes:
            size = f"{self.most_bytes // MEGABYTE}MB"
            text = f"File size is too large, max file size is {size}, please confirm and re-upload the file"
            raise Refused(invalid(text))
        if len(self.files) >= self.most_files:
            raise Refused(invalid(f"The number of files exceeds the limit of {self.most_files}"))
        text = _extracted(purpose, name, content)
        stored = StoredFile(
            id=f"file_{next(self._numbers):08d}",
            name=name,
            purpose=purpose,
            content=content,
            created_at=self._clock.time(),
            text=text,
        )
        self.files[stored.id] = stored
        self.uploads.append(stored)
        return stored.listed(self._status(stored))

    async def all(self, _: Request) -> dict[str, object]:
        """``GET /files``; no paging is documented."""
        return {"object": "list", "data": [file.listed(self._status(file)) for file in self.files.values()]}

    async def get(self, request: Request) -> dict[str, object]:
        """``GET /files/{id}``."""
        file = self._found(request)
        return file.listed(self._status(file))

    async def delete(self, request: Request) -> dict[str, object]:
        """``DELETE /files/{id}``."""
        file = self._found(request)
        del self.files[file.id]
        self.deleted.append(file.id)
        return {"id": file.id, "object": "file", "deleted": True}

    async def content(self, request: Request) -> Response:
        """``GET /files/{id}/content``: JSON, sent as plain text."""
        file = self._found(request)
        if file.purpose != "file-extract":
            raise Refused(invalid(f"Invalid request: no content for purpose {file.purpose}"))
        if self._status(file) != "ready":
            raise Refused(invalid("Invalid request: the file is still being processed"))
        body = {
            "content": file.text,
            "file_type": "text/plain",
            "filename": file.name,
            "title": "",
            "type": "file",
        }
        return PlainTextResponse(orjson.dumps(body))

    def check(self, messages: Sequence[Message]) -> None:
        """Check what pictures and videos of a chat request lead to.

        Raises:
            Refused: a file that is not there, or data that is no picture.
        """
        for kind, url in _media(messages):
            if url.startswith("ms://"):
                file = self.files.get(url.removeprefix("ms://"))
                if file is None or file.purpose != kind:
                    raise Refused(invalid(f"Invalid request: file not found: {url}"))
            elif kind == "image" and not _is_picture(url):
                raise Refused(invalid("Invalid request: failed to decode image"))

    def _status(self, file: StoredFile) -> str:
        return "ready" if self._clock.time() >= file.created_at + self.extract_s else "processing"

    def _found(self, request: Request) -> StoredFile:
        file = self.files.get(request.path_params["file"])
        if file is None:
            text = f"file {request.path_params['file']} not found"
            raise Refused(Refusal(status=404, type="resource_not_found_error", message=text))
        return file


def _extracted(purpose: str, name: str, content: bytes) -> str:
    if purpose == "image" and not content.startswith(_PICTURES):
        raise Refused(invalid("Invalid request: unsupported image format"))
    if purpose != "file-extract":
        return ""
    if name.lower().endswith(_PICTURE_ENDINGS) or content.startswith(_PICTURES[:3]):
        raise Refused(invalid("Invalid request: file-extract does not accept images"))
    try:
        return extract(name, content)
    except Unextractable as exc:
        raise Refused(invalid(str(exc))) from exc


def _form(content_type: str, body: bytes) -> tuple[str, str, bytes]:
    """Return purpose, file name and content of a multipart form."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    if not form.is_multipart():
        raise Refused(invalid("Invalid request: the body must be multipart/form-data"))
    purpose, name, content = "", "", None
    for part in form.iter_parts():
        payload = part.get_payload(decode=True)
        value = payload if isinstance(payload, bytes) else b""
        match part.get_param("name", header="content-disposition"):
            case "purpose":
                purpose = value.decode("utf-8", "replace")
            case "file":
                name, content = part.get_filename() or "", value
    if content is None or not name:
        raise Refused(invalid("Invalid request: file is required"))
    return purpose, name, content


def _media(messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    for message in messages:
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            for kind in ("image", "video"):
                match part.get(f"{kind}_url"):
                    case {"url": str(url)} | str(url):
                        yield kind, url


def _is_picture(url: str) -> bool:
    _, _, data = url.partition(";base64,")
    try:
        return base64.b64decode(data, validate=True).startswith(_PICTURES)
    except (binascii.Error, ValueError):
        return False
