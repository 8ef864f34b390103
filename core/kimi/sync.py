"""The same client for programs without an event loop."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from types import TracebackType

import httpx

from core.kimi.endpoint import Endpoint
from core.kimi.error_mapping import EndpointKind, error_from_response, request_id_from
from core.kimi.errors import KimiError, Phase
from core.kimi.models import Model, parse_models
from core.kimi.reply import Reply, ReplyEvent, collect_reply
from core.kimi.request import ChatRequest, chat_body, token_count_body
from core.kimi.retry_policy import RetryPolicy, RetryState, Timeouts
from core.kimi.token_count import parse_token_count
from core.kimi.transport import (
    CONNECTION_LIMITS,
    MAX_ERROR_BYTES,
    OnRetry,
    connection_error,
    decoder_for_response,
    is_compressed,
)


class Kimi:
    """The verbs of :class:`core.kimi.AsyncKimi`, blocking. Safe to share between threads.

    Time-outs are httpx's own: ``first_byte_s`` runs to the response's head.
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
            ValueError: the base URL is no HTTP address, or the key cannot stand in a header.
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
        """Yield the reply as it grows; see :meth:`core.kimi.AsyncKimi.stream`."""
        attempts, began = RetryState(self._retry), time.monotonic()
        while True:
            spoken = False
            try:
                with contextlib.closing(self._attempt(request, streamed=True)) as events:
                    for event in events:
                        spoken = True
                        yield event
                return
            except KimiError as error:
                if spoken:
                    raise
                self._wait_before_retry(error, attempts, began, on_retry)

    def complete(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> Reply:
        """Return one whole reply; see :meth:`core.kimi.AsyncKimi.complete`."""
        attempts, began = RetryState(self._retry), time.monotonic()
        while True:
            try:
                with contextlib.closing(self._attempt(request, streamed=False)) as events:
                    return collect_reply(list(events))
            except KimiError as error:
                self._wait_before_retry(error, attempts, began, on_retry)

    def models(self, *, on_retry: OnRetry | None = None) -> tuple[Model, ...]:
        """Return the provider's models; see :meth:`core.kimi.AsyncKimi.models`."""
        attempts, began = RetryState(self._retry), time.monotonic()
        while True:
            try:
                get = self._http.build_request(
                    "GET", self._endpoint.models_url, timeout=self._httpx_timeout("first_byte")
                )
                with self._open_response(get, endpoint_kind="models", phase="first_byte") as (
                    response,
                    chunks,
                ):
                    return parse_models(b"".join(chunks), request_id=request_id_from(response.headers))
            except KimiError as error:
                self._wait_before_retry(error, attempts, began, on_retry)

    def count_tokens(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> int:
        """Return the provider's token count; see :meth:`core.kimi.AsyncKimi.count_tokens`."""
        attempts, began = RetryState(self._retry), time.monotonic()
        while True:
            try:
                post = self._http.build_request(
                    "POST",
                    self._endpoint.token_count_url,
                    content=token_count_body(request),
                    timeout=self._httpx_timeout("first_byte"),
                )
                with self._open_response(post, endpoint_kind="chat", phase="first_byte") as (
                    response,
                    chunks,
                ):
                    return parse_token_count(b"".join(chunks), request_id=request_id_from(response.headers))
            except KimiError as error:
                self._wait_before_retry(error, attempts, began, on_retry)

    def _wait_before_retry(
        self, error: KimiError, retry_state: RetryState, started_at: float, on_retry: OnRetry | None
    ) -> None:
        wait_s = retry_state.next_wait_s(error, time.monotonic() - started_at)
        if wait_s is None:
            raise error
        if on_retry is not None:
            on_retry(error, wait_s)
        self._sleep(wait_s)

    def _attempt(self, request: ChatRequest, *, streamed: bool) -> Generator[ReplyEvent, None, None]:
        phase: Phase = "first_byte" if streamed else "whole"
        post = self._http.build_request(
            "POST",
            self._endpoint.chat_url,
            content=chat_body(request, stream=streamed),
            timeout=self._httpx_timeout(phase),
        )
        with self._open_response(post, endpoint_kind="chat", phase=phase) as (response, chunks):
            reading = decoder_for_response(response, self._endpoint)
            for chunk in chunks:
                yield from reading.feed(chunk)
                if reading.done:
                    return
            yield from reading.close()

    @contextlib.contextmanager
    def _open_response(
        self, request: httpx.Request, *, endpoint_kind: EndpointKind, phase: Phase
    ) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
        """Send; give the response, where it begins well, and its body as it comes."""
        try:
            response = self._http.send(request, stream=True)
        except httpx.RequestError as exc:
            raise connection_error(exc, phase, self._endpoint) from exc
        with contextlib.closing(response):
            # httpcore reads this again when it begins with the body.
            request.extensions["timeout"]["read"] = self._timeouts.idle_s
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
            yield from response.iter_bytes() if is_compressed(response) else response.iter_raw()
        except httpx.RequestError as exc:
            request_id = request_id_from(response.headers)
            raise connection_error(exc, phase, self._endpoint, request_id=request_id) from exc

    def _httpx_timeout(self, phase: Phase) -> httpx.Timeout:
        read_s = self._timeouts.whole_s if phase == "whole" else self._timeouts.first_byte_s
        return httpx.Timeout(read_s, connect=self._timeouts.connect_s)


def _error_body(chunks: Iterator[bytes]) -> bytes:
    body = bytearray()
    with contextlib.suppress(KimiError):  # the status alone tells enough
        for chunk in chunks:
            body += chunk
            if len(body) >= MAX_ERROR_BYTES:
                break
    return bytes(body)
