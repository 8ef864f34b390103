"""What both clients do alike with httpx: settings, first looks at a response, broken connections."""

from collections.abc import Callable
from typing import TypeAlias

import httpx

from core.kimi.endpoint import Endpoint
from core.kimi.error_mapping import request_id_from
from core.kimi.errors import (
    KimiError,
    KimiInvalidRequest,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    Phase,
)
from core.kimi.reply_decoder import ReplyDecoder, decoder_for

#: Called before each wait that precedes another attempt, with its reason and its seconds.
OnRetry: TypeAlias = Callable[[KimiError, float], None]

#: More of an error page is never read.
MAX_ERROR_BYTES = 64 * 1024
#: After ``[DONE]``, how long to wait for the end of the body, so that the connection can be kept.
DRAIN_S = 0.2

#: Kimi's account limits bound concurrency, not we.
CONNECTION_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30.0)

_TIMEOUT_TEXTS: dict[Phase, str] = {
    "connect": "no connection in time",
    "first_byte": "no first byte in time",
    "idle": "the stream fell silent",
    "whole": "no reply in time",
}


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


def decoder_for_response(response: httpx.Response, endpoint: Endpoint) -> ReplyDecoder:
    """Return what reads the body of a successful chat response.

    Raises:
        KimiEndpointMissing: the body is no reply.
    """
    return decoder_for(
        response.headers.get("content-type", "").lower(),
        request_id=request_id_from(response.headers),
        secrets=endpoint.secrets,
    )


def is_compressed(response: httpx.Response) -> bool:
    """Tell whether the server compressed the body although it was asked not to."""
    return bool(response.headers.get("content-encoding", "identity").lower() != "identity")
