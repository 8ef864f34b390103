"""Shared by both clients: connection limits, retries, and httpx's failures as Kimi's errors."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final, TypeAlias

import httpx
import structlog

from core.kimi.api_errors import (
    KimiError,
    KimiInvalidRequest,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    KimiUnreadableReply,
    Phase,
)
from core.kimi.body_decoder import BodyDecoder
from core.kimi.endpoint import Endpoint
from core.kimi.error_mapping import request_id_from
from core.kimi.retry_policy import RetryPolicy, RetrySchedule

log = structlog.get_logger(__name__)

OnRetry: TypeAlias = Callable[[KimiError, float], None]
"""Receives the error of an attempt and the seconds until the next one."""

MAX_ERROR_BYTES: Final = 64 * 1024  #: of the body of an error response; more is not read
MAX_BODY_BYTES: Final = 32 * 1024 * 1024  #: of a body that is read whole: a list, vectors, the text of a file
ERROR_BODY_S: Final = 10.0  #: for the whole body of an error response
_INFLATED_BYTES: Final = 4 * 1024  #: of a compressed body, decoded at once: they become 4 MB at most
END_S: Final = 5.0  #: wait for usage and ``[DONE]`` behind a finish reason
DRAIN_S: Final = 0.2  #: wait for the end of the body after ``[DONE]``, so that the connection can be kept

#: The number of connections is unlimited: Kimi's account limits restrict concurrency.
CONNECTION_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30.0)

_TIMEOUT_TEXTS: dict[Phase, str] = {
    "connect": "no connection in time",
    "first_byte": "no first byte in time",
    "idle": "the stream fell silent",
    "whole": "no reply in time",
}


class Retries:
    """The retries of one call, for callers that sleep in their own way."""

    def __init__(self, policy: RetryPolicy, now: Callable[[], float], on_retry: OnRetry | None) -> None:
        """Begin with the first attempt; ``now`` returns the time in seconds."""
        self._state = RetrySchedule(policy)
        self._now = now
        self._on_retry = on_retry
        self._started_at = now()

    def wait_s(self, error: KimiError) -> float:
        """Return the seconds to sleep before the next attempt.

        Raises:
            KimiError: ``error``, if it is final.
        """
        wait_s = self._state.next_wait_s(error, self._now() - self._started_at)
        if wait_s is None:
            raise error
        attempt = self._state.attempts
        log.debug("kimi.retry_scheduled", code=error.code, wait_s=round(wait_s, 2), attempt=attempt)
        if self._on_retry is not None:
            self._on_retry(error, wait_s)
        return wait_s


def timeout_error(phase: Phase, limit_s: float, *, request_id: str = "") -> KimiTimeout:
    """Return the error for ``limit_s`` seconds without what ``phase`` waits for."""
    return KimiTimeout(f"{_TIMEOUT_TEXTS[phase]} ({limit_s:g} s)", phase=phase, request_id=request_id)


def connection_error(
    exc: httpx.RequestError, phase: Phase, endpoint: Endpoint, *, request_id: str = ""
) -> KimiError:
    """Return the error that a failure of the connection during ``phase`` means."""
    message = f"{type(exc).__name__}: {exc}"
    if isinstance(exc, httpx.ConnectTimeout):
        return KimiTimeout(_TIMEOUT_TEXTS["connect"], phase="connect", request_id=request_id)
    if isinstance(exc, httpx.TimeoutException):
        return KimiTimeout(_TIMEOUT_TEXTS[phase], phase=phase, request_id=request_id)
    if isinstance(exc, httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return KimiInvalidRequest(message, secrets=endpoint.secrets)
    kind = KimiStreamInterrupted if phase == "idle" else KimiUnavailable
    return kind(message, request_id=request_id, secrets=endpoint.secrets)


def decoder_for_response(response: httpx.Response, endpoint: Endpoint) -> BodyDecoder:
    """Return the decoder for the body of a successful chat response.

    Raises:
        KimiEndpointMissing: the body is a web page.
    """
    return BodyDecoder(
        response.headers.get("content-type", "").lower(),
        encoding=response.headers.get("content-encoding", ""),
        request_id=request_id_from(response.headers),
        secrets=endpoint.secrets,
    )


def read_chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Return the body of a response as it arrives, decoded piece by piece if it is compressed."""
    if not _is_compressed(response):
        return response.aiter_raw()

    async def pieces() -> AsyncIterator[bytes]:
        async for chunk in response.aiter_raw():
            for piece in _split(chunk):
                yield piece

    return httpx.Response(200, headers=_encoding_of(response), content=pieces()).aiter_bytes()


def read_chunks_sync(response: httpx.Response) -> Iterator[bytes]:
    """Return the body of a blocking response; see :func:`read_chunks`."""
    if not _is_compressed(response):
        return response.iter_raw()
    pieces = (piece for chunk in response.iter_raw() for piece in _split(chunk))
    return httpx.Response(200, headers=_encoding_of(response), content=pieces).iter_bytes()


def body_too_large(limit_bytes: int, *, request_id: str = "") -> KimiUnreadableReply:
    """Return the error for a body of more than ``limit_bytes``; it is not requested again."""
    error = KimiUnreadableReply(f"a body of more than {limit_bytes:,} bytes", request_id=request_id)
    error.retryable = False
    return error


def _is_compressed(response: httpx.Response) -> bool:
    """Return whether the server compressed the body although it was asked not to."""
    return bool(response.headers.get("content-encoding", "identity").lower() != "identity")


def _encoding_of(response: httpx.Response) -> dict[str, str]:
    return {"content-encoding": response.headers["content-encoding"]}


def _split(chunk: bytes) -> Iterator[bytes]:
    return (chunk[at : at + _INFLATED_BYTES] for at in range(0, len(chunk), _INFLATED_BYTES))
