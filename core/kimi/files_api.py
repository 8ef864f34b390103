"""The files API: files that Kimi stores for an account, and the text that it extracts from documents.

Source: Moonshot's OpenAPI description and its pages on files. An account has 1000 files of at most 100 MB
each and 10 GB in all. Ace Data Cloud has no such endpoints.
"""

import contextlib
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import httpx

from core.kimi.api_errors import (
    FileRefusalReason,
    KimiEndpointMissing,
    KimiError,
    KimiFileRefused,
    KimiInvalidRequest,
    KimiUnavailable,
    KimiUnreadableReply,
    Phase,
)
from core.kimi.connection import Connection
from core.kimi.json_decoding import decode_json
from core.kimi.retry_policy import RetryPolicy
from core.kimi.wire_text import repair_text

FilePurpose: TypeAlias = Literal["file-extract", "image", "video"]

MAX_FILES: Final = 1_000  #: of one account
MAX_FILE_BYTES: Final = 100 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 10 * 1024 * 1024 * 1024  #: of all files of one account

#: Statuses of a file that is ready or failed; every other one, and the documentation has no closed list,
#: means that its text is not there yet.
READY_STATUSES = frozenset({"", "ok", "ready", "processed", "success", "succeeded", "completed", "active"})
FAILED_STATUSES = frozenset({"error", "failed"})

_PAGE = re.compile(r"\s*<(!doctype html|html)\b", re.IGNORECASE)
_PROCESSING = re.compile(r"still being processed|not (yet )?(ready|finished)|in progress", re.IGNORECASE)
_EMPTY = re.compile(r"size is zero|is empty|no content|没有解析出内容", re.IGNORECASE)
_TOO_LARGE = re.compile(r"too large|max file size", re.IGNORECASE)
_FULL = re.compile(
    r"file count|number of files|too many files|files? (limit|quota)|total (file )?size", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KimiFile:
    """A file that Kimi stores."""

    id: str
    name: str
    size_bytes: int
    purpose: str
    created_at: float  #: seconds since 1970; 0 if not given
    status: str = ""  #: "ready" and others; the list is not documented


class KimiFiles:
    """The files of one account: :attr:`core.kimi.AsyncKimi.files`.

    Every method raises :class:`core.kimi.KimiError` and nothing else; ``KimiEndpointMissing`` if the
    provider stores no files.
    """

    def __init__(self, connection: Connection, retry: RetryPolicy) -> None:
        self._connection = connection
        self._retry = retry
        self._url = connection.endpoint.files_url

    async def upload(self, path: Path, *, name: str, purpose: FilePurpose, media_type: str = "") -> KimiFile:
        """Upload the file at ``path``, streamed from the disk, under ``name``.

        Not tried again if the response is lost: the file may be there (look for ``name`` in
        :meth:`list_all`).

        Raises:
            KimiFileRefused: it is empty, too large, one too many, or cannot be read.
            OSError: ``path`` cannot be read.
        """
        # The boundary has to be set here because the client's default content type is JSON.
        boundary = secrets.token_hex(16)

        async def once() -> Any:
            with path.open("rb") as stream:
                post = self._connection.build_request(
                    "POST",
                    self._url,
                    data={"purpose": purpose},
                    files={"file": (name, stream, media_type or "application/octet-stream")},
                    headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
                )
                try:
                    return await self._fetch_json(post, phase="whole")
                except KimiError as exc:
                    exc.retryable = exc.retryable and exc.status is not None
                    raise

        with _file_refusals():
            return parse_file(await self._connection.with_retries(once, self._retry))

    async def list_all(self) -> tuple[KimiFile, ...]:
        """Return every file of the account, including those that others uploaded."""
        match await self._request_json("GET"):
            case {"data": [*entries]}:
                return tuple(parse_file(entry) for entry in entries)
            case _:
                raise KimiEndpointMissing("something else than a list of files")

    async def get(self, file_id: str) -> KimiFile:
        """Return the description of one file.

        Raises:
            KimiFileMissing: there is none with this id.
        """
        return parse_file(await self._request_json("GET", f"/{file_id}"))

    async def content(self, file_id: str) -> str:
        """Return the text that was extracted from a file with the purpose ``file-extract``.

        Raises:
            KimiFileMissing: there is none with this id.
            KimiFileRefused: there is no text in it, or it could not be read.
        """

        async def once() -> bytes:
            get = self._connection.build_request("GET", f"{self._url}/{file_id}/content")
            return await self._fetch(get)

        with _file_refusals():
            return extract_text(await self._connection.with_retries(once, self._retry))

    async def delete(self, file_id: str) -> None:
        """Delete a file.

        Raises:
            KimiFileMissing: there is none with this id.
        """
        await self._request_json("DELETE", f"/{file_id}")

    async def _request_json(self, method: str, path: str = "") -> Any:
        async def once() -> Any:
            return await self._fetch_json(self._connection.build_request(method, self._url + path))

        return await self._connection.with_retries(once, self._retry)

    async def _fetch_json(self, request: httpx.Request, *, phase: Phase = "first_byte") -> Any:
        try:
            return decode_json(await self._fetch(request, phase=phase))
        except ValueError as exc:
            raise KimiEndpointMissing("something else than a file") from exc

    async def _fetch(self, request: httpx.Request, *, phase: Phase = "first_byte") -> bytes:
        body, _ = await self._connection.fetch(request, endpoint_kind="files", phase=phase)
        return body


@contextlib.contextmanager
def _file_refusals() -> Iterator[None]:
    """Raise refusals of a request as refusals of its file."""
    try:
        yield
    except KimiInvalidRequest as exc:
        refusal = as_file_refusal(exc)
        if refusal is exc:
            raise
        raise refusal from exc


def parse_file(entry: Any) -> KimiFile:
    """Return the file that an entry of a response describes.

    Raises:
        KimiEndpointMissing: the entry is something else.
    """
    match entry:
        case {"id": str(file_id), "bytes": int(size), "filename": str(name), "purpose": str(purpose)}:
            return KimiFile(
                id=file_id,
                name=name,
                size_bytes=size,
                purpose=purpose,
                created_at=_number(entry.get("created_at")),
                status=str(entry.get("status") or ""),
            )
        case _:
            raise KimiEndpointMissing("something else than a file")


def extract_text(body: bytes) -> str:
    """Return the text in the body of ``GET /files/{id}/content``.

    The body is documented as plain text. On the wire it is JSON: ``{"content", "file_type",
    "filename", …}``, at times within a JSON string.

    Raises:
        KimiUnreadableReply: a gateway answered with a page.
    """
    try:
        value = decode_json(body)
        if isinstance(value, str):
            value = decode_json(value.encode())
    except ValueError:
        text = body.decode("utf-8", "replace")
        if _PAGE.match(text):
            raise KimiUnreadableReply("a web page in place of a file's text") from None
        return repair_text(text)
    match value:
        case {"content": str(text)}:
            return repair_text(text)
        case {"content": None} | None:
            return ""
        case _:
            return repair_text(body.decode("utf-8", "replace"))


def as_file_refusal(error: KimiError) -> KimiError:
    """Return a refusal of a request as a refusal of its file; other errors as they are."""
    if type(error) is not KimiInvalidRequest:
        return error
    text = str(error)
    if _PROCESSING.search(text):
        return KimiUnavailable(text, request_id=error.request_id, status=error.status)
    kinds: tuple[tuple[re.Pattern[str], FileRefusalReason], ...] = (
        (_TOO_LARGE, "too_large"),
        (_EMPTY, "empty"),
        (_FULL, "full"),
    )
    found = [kind for pattern, kind in kinds if pattern.search(text)]
    reason: FileRefusalReason = found[0] if found else "unreadable"
    return KimiFileRefused(text, reason=reason, request_id=error.request_id, status=error.status)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
