"""The files API: what Kimi keeps for an account, and the text that it takes out of a document.

Source: Moonshot's OpenAPI and its pages on files. An account has 1000 files of at most 100 MB
each and 10 GB in all. Ace Data Cloud has no such endpoints.
"""

import re
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

import httpx

from core.kimi.endpoint import Endpoint
from core.kimi.errors import (
    FileRefusalReason,
    KimiEndpointMissing,
    KimiError,
    KimiFileRefused,
    KimiInvalidRequest,
    Phase,
)
from core.kimi.http_exchange import HttpExchange
from core.kimi.json_decoding import decode_json

T = TypeVar("T")
FilePurpose: TypeAlias = Literal["file-extract", "image", "video"]

MAX_FILES = 1_000  #: of one account
MAX_FILE_BYTES = 100 * 1024 * 1024
MAX_TOTAL_BYTES = 10 * 1024 * 1024 * 1024  #: of all files of one account

#: While a file is in one of these, its text is not there yet. The reference knows no closed list.
UNFINISHED_STATUSES = frozenset({"pending", "uploading", "uploaded", "processing", "parsing", "extracting"})
FAILED_STATUSES = frozenset({"error", "failed"})

_EMPTY = re.compile(r"size is zero|is empty|no content|没有解析出内容", re.IGNORECASE)
_TOO_LARGE = re.compile(r"too large|max file size", re.IGNORECASE)
_FULL = re.compile(
    r"file count|number of files|too many files|files? (limit|quota)|total (file )?size", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KimiFile:
    """A file that Kimi keeps."""

    id: str
    name: str
    size_bytes: int
    purpose: str
    created_at: float  #: seconds since 1970; 0 where not told
    status: str = ""  #: "ready" and others; the list is not documented


class OpenExchange(Protocol):
    """Makes one HTTP exchange."""

    def __call__(self, phase: Phase) -> HttpExchange:
        """Return an exchange whose wait is named ``phase``."""


class WithRetries(Protocol):
    """Does something again for as long as its failures may pass."""

    async def __call__(self, operation: Callable[[], Awaitable[T]]) -> T:
        """Return what ``once`` returns in the end.

        Raises:
            KimiError: a failure was final.
        """


class KimiFiles:
    """The files of one account: :attr:`core.kimi.AsyncKimi.files`.

    Every verb raises :class:`core.kimi.errors.KimiError` and nothing else;
    ``KimiEndpointMissing`` where the provider keeps no files.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        endpoint: Endpoint,
        *,
        open_exchange: OpenExchange,
        with_retries: WithRetries,
    ) -> None:
        self._http = http
        self._url = endpoint.files_url
        self._open_exchange = open_exchange
        self._with_retries = with_retries

    async def upload(self, path: Path, *, name: str, purpose: FilePurpose, media_type: str = "") -> KimiFile:
        """Give Kimi the file at ``path``, streamed from the disk, under ``name``.

        Not tried again where the reply is lost: the file may be there (look for ``name`` in
        :meth:`all`).

        Raises:
            KimiFileRefused: it is empty, too large, one too many, or cannot be read.
            OSError: ``path`` cannot be read.
        """
        # The boundary stands in the header because the client's own content type is JSON.
        boundary = secrets.token_hex(16)

        async def once() -> Any:
            with path.open("rb") as stream:
                post = self._http.build_request(
                    "POST",
                    self._url,
                    data={"purpose": purpose},
                    files={"file": (name, stream, media_type or "application/octet-stream")},
                    headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
                )
                try:
                    return await self._request_json(post, phase="whole")
                except KimiError as exc:
                    exc.retryable = exc.retryable and exc.status is not None
                    raise

        try:
            return parse_file(await self._with_retries(once))
        except KimiEndpointMissing:
            raise
        except KimiInvalidRequest as exc:
            raise as_file_refusal(exc) from exc

    async def list_all(self) -> tuple[KimiFile, ...]:
        """Return every file of the account, also those that others put there."""
        listed = await self._with_retries(
            lambda: self._request_json(self._http.build_request("GET", self._url))
        )
        match listed:
            case {"data": [*entries]}:
                return tuple(parse_file(entry) for entry in entries)
            case _:
                raise KimiEndpointMissing("something else than a list of files")

    async def get(self, file_id: str) -> KimiFile:
        """Return what is known of one file.

        Raises:
            KimiFileMissing: there is none with this id.
        """
        return parse_file(await self._with_retries(lambda: self._request_json(self._get_request(file_id))))

    async def content(self, file_id: str) -> str:
        """Return the text that was taken out of a file with the purpose ``file-extract``.

        Raises:
            KimiFileMissing: there is none with this id.
            KimiFileRefused: there is no text in it, or it could not be read.
        """
        try:
            body = await self._with_retries(
                lambda: self._request_body(self._get_request(file_id, "/content"))
            )
        except KimiEndpointMissing:
            raise
        except KimiInvalidRequest as exc:
            raise as_file_refusal(exc) from exc
        return extract_text(body)

    async def delete(self, file_id: str) -> None:
        """Delete a file.

        Raises:
            KimiFileMissing: there is none with this id.
        """
        await self._with_retries(
            lambda: self._request_json(self._http.build_request("DELETE", f"{self._url}/{file_id}"))
        )

    def _get_request(self, file_id: str, suffix: str = "") -> httpx.Request:
        return self._http.build_request("GET", f"{self._url}/{file_id}{suffix}")

    async def _request_json(self, request: httpx.Request, *, phase: Phase = "first_byte") -> Any:
        try:
            return decode_json(await self._request_body(request, phase=phase))
        except ValueError as exc:
            raise KimiEndpointMissing("something else than a file") from exc

    async def _request_body(self, request: httpx.Request, *, phase: Phase = "first_byte") -> bytes:
        async with self._open_exchange(phase) as call:
            await call.send(request, endpoint_kind="files")
            return await call.read_all()


def parse_file(entry: Any) -> KimiFile:
    """Read a file object.

    Raises:
        KimiEndpointMissing: it is something else.
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

    It is documented as plain text and seen as JSON: ``{"content", "file_type", "filename", …}``,
    itself now and then inside a JSON string.
    """
    try:
        value = decode_json(body)
        if isinstance(value, str):
            value = decode_json(value.encode())
    except ValueError:
        return body.decode("utf-8", "replace")
    match value:
        case {"content": str(text)}:
            return text
        case _:
            return body.decode("utf-8", "replace")


def as_file_refusal(error: KimiError) -> KimiError:
    """Return what a refusal says about a file; other errors as they are."""
    if isinstance(error, KimiFileRefused) or type(error) is not KimiInvalidRequest:
        return error
    text = str(error)
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
