"""The blocking client, for programs without an event loop."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from types import TracebackType
from typing import TypeVar

import httpx

from core.kimi.api_errors import KimiError, KimiStreamInterrupted, KimiTimeout, Phase
from core.kimi.endpoint import Endpoint
from core.kimi.error_mapping import EndpointKind, error_from_response, request_id_from
from core.kimi.models import Model, parse_models
from core.kimi.reply import Reply, ReplyEvent, collect_reply
from core.kimi.request import ChatRequest, chat_body
from core.kimi.retry_policy import RetryPolicy, Timeouts
from core.kimi.token_count import parse_token_count, token_count_body
from core.kimi.transport import (
    CONNECTION_LIMITS,
    MAX_BODY_BYTES,
    MAX_ERROR_BYTES,
    OnRetry,
    Retries,
    body_too_large,
    connection_error,
    decoder_for_response,
    read_chunks_sync,
)

T = TypeVar("T")


class Kimi:
    """The methods of :class:`core.kimi.AsyncKimi`, blocking. Safe to share between threads.

    Timeouts are httpx's own: ``first_byte_s`` ends with the response's head.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        sleep: Callable[[float], None] = time.sleep,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Check key and address; nothing is sent yet.

        Raises:
            ValueError: the base URL is no HTTP address, or the key cannot be sent in a header.
        """
        self._endpoint = Endpoint(api_key=api_key, base_url=base_url)
        self._sleep = sleep
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or RetryPolicy()
        self._http = httpx.Client(
            headers=self._endpoint.headers, limits=CONNECTION_LIMITS, transport=transport
        )

    def __enter__(self) -> "Kimi":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def stream(
        self, request: ChatRequest, *, on_retry: OnRetry | None = None
    ) -> Generator[ReplyEvent, None, None]:
        """Yield the reply's events; see :meth:`core.kimi.AsyncKimi.stream`."""
        retries = Retries(self._retry, time.monotonic, on_retry)
        while True:
            has_begun = False
            try:
                with contextlib.closing(self._attempt(request, streamed=True)) as events:
                    for event in events:
                        has_begun = True
                        yield event
                return
            except KimiError as error:
                if has_begun:
                    raise
                self._sleep(retries.wait_s(error))

    def complete(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> Reply:
        """Return a whole reply; see :meth:`core.kimi.AsyncKimi.complete`."""

        def once() -> Reply:
            with contextlib.closing(self._attempt(request, streamed=False)) as events:
                return collect_reply(list(events))

        return self._with_retries(once, on_retry)

    def models(self, *, on_retry: OnRetry | None = None) -> tuple[Model, ...]:
        """Return the provider's models; see :meth:`core.kimi.AsyncKimi.models`."""

        def once() -> tuple[Model, ...]:
            body, request_id = self._fetch("GET", self._endpoint.models_url, endpoint_kind="models")
            return parse_models(body, request_id=request_id)

        return self._with_retries(once, on_retry)

    def count_tokens(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> int:
        """Return the provider's token count; see :meth:`core.kimi.AsyncKimi.count_tokens`."""
        content = token_count_body(request)

        def once() -> int:
            url = self._endpoint.token_count_url
            body, request_id = self._fetch("POST", url, content, endpoint_kind="chat")
            return parse_token_count(body, request_id=request_id)

        return self._with_retries(once, on_retry)

    def _with_retries(self, operation: Callable[[], T], on_retry: OnRetry | None) -> T:
        retries = Retries(self._retry, time.monotonic, on_retry)
        while True:
            try:
                return operation()
            except KimiError as error:
                self._sleep(retries.wait_s(error))

    def _attempt(self, request: ChatRequest, *, streamed: bool) -> Generator[ReplyEvent, None, None]:
        """Send the request once; yield its events."""
        phase: Phase = "first_byte" if streamed else "whole"
        content = chat_body(request, stream=streamed)
        with self._response("POST", self._endpoint.chat_url, content, "chat", phase) as (response, chunks):
            decoder = decoder_for_response(response, self._endpoint)
            try:
                for chunk in chunks:
                    yield from decoder.feed(chunk)
                    if decoder.done:
                        return
            except (KimiStreamInterrupted, KimiTimeout):
                if not decoder.is_whole:
                    raise
            yield from decoder.close()

    def _fetch(
        self, method: str, url: str, content: bytes | None = None, *, endpoint_kind: EndpointKind
    ) -> tuple[bytes, str]:
        """Send a request once; return the body of the response and the id of the request."""
        with self._response(method, url, content, endpoint_kind, "first_byte") as (response, chunks):
            request_id, body = request_id_from(response.headers), bytearray()
            for chunk in chunks:
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise body_too_large(MAX_BODY_BYTES, request_id=request_id)
            return bytes(body), request_id

    @contextlib.contextmanager
    def _response(
        self, method: str, url: str, content: bytes | None, endpoint_kind: EndpointKind, phase: Phase
    ) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
        """Send a request; yield a successful response and its body as it arrives.

        Raises:
            KimiError: the response is none, or no success.
        """
        timeouts = self._timeouts
        read_s = timeouts.whole_s if phase == "whole" else timeouts.first_byte_s
        timeout = httpx.Timeout(read_s, connect=timeouts.connect_s)
        request = self._http.build_request(method, url, content=content, timeout=timeout)
        try:
            response = self._http.send(request, stream=True)
        except httpx.RequestError as exc:
            raise connection_error(exc, phase, self._endpoint) from exc
        with contextlib.closing(response):
            # httpcore reads this again when it begins with the body.
            request.extensions["timeout"]["read"] = timeouts.idle_s
            chunks = self._read_chunks(response, "idle" if phase == "first_byte" else phase)
            if not response.is_success:
                raise error_from_response(
                    response.status_code,
                    response.headers,
                    _error_body(chunks),
                    endpoint_kind=endpoint_kind,
                    secrets=self._endpoint.secrets,
                )
            yield response, chunks

    def _read_chunks(self, response: httpx.Response, phase: Phase) -> Iterator[bytes]:
        try:
            yield from read_chunks_sync(response)
        except httpx.RequestError as exc:
            request_id = request_id_from(response.headers)
            raise connection_error(exc, phase, self._endpoint, request_id=request_id) from exc


def _error_body(chunks: Iterator[bytes]) -> bytes:
    body = bytearray()
    with contextlib.suppress(KimiError):  # the status alone says enough
        for chunk in chunks:
            body += chunk
            if len(body) >= MAX_ERROR_BYTES:
                break
    return bytes(body)
