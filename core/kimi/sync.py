"""The same client for programs without an event loop."""

import contextlib
import time
from collections.abc import Callable, Generator, Iterator
from types import TracebackType

import httpx

from core.kimi.catalogue import Model, models_from
from core.kimi.endpoint import Endpoint
from core.kimi.errors import KimiError, Phase
from core.kimi.exchange import LIMITS, MAX_ERROR_BYTES, OnWait, begin_reading, broken, is_encoded
from core.kimi.failure import Asked, from_response, request_id_from
from core.kimi.policy import Attempts, RetryPolicy, Timeouts
from core.kimi.reply import Reply, ReplyEvent, collect
from core.kimi.request import ChatRequest, token_count_body, wire_body
from core.kimi.token_count import token_count_from


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
        self._http = httpx.Client(headers=self._endpoint.headers, limits=LIMITS, transport=transport)

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
        self, request: ChatRequest, *, on_wait: OnWait | None = None
    ) -> Generator[ReplyEvent, None, None]:
        """Yield the reply as it grows; see :meth:`core.kimi.AsyncKimi.stream`."""
        attempts, began = Attempts(self._retry), time.monotonic()
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
                self._pause(error, attempts, began, on_wait)

    def complete(self, request: ChatRequest, *, on_wait: OnWait | None = None) -> Reply:
        """Return one whole reply; see :meth:`core.kimi.AsyncKimi.complete`."""
        attempts, began = Attempts(self._retry), time.monotonic()
        while True:
            try:
                with contextlib.closing(self._attempt(request, streamed=False)) as events:
                    return collect(list(events))
            except KimiError as error:
                self._pause(error, attempts, began, on_wait)

    def models(self, *, on_wait: OnWait | None = None) -> tuple[Model, ...]:
        """Return the provider's models; see :meth:`core.kimi.AsyncKimi.models`."""
        attempts, began = Attempts(self._retry), time.monotonic()
        while True:
            try:
                get = self._http.build_request(
                    "GET", self._endpoint.models_url, timeout=self._timeout("first_byte")
                )
                with self._answered(get, asked="models", phase="first_byte") as (response, chunks):
                    return models_from(b"".join(chunks), request_id=request_id_from(response.headers))
            except KimiError as error:
                self._pause(error, attempts, began, on_wait)

    def count_tokens(self, request: ChatRequest, *, on_wait: OnWait | None = None) -> int:
        """Return the provider's token count; see :meth:`core.kimi.AsyncKimi.count_tokens`."""
        attempts, began = Attempts(self._retry), time.monotonic()
        while True:
            try:
                post = self._http.build_request(
                    "POST",
                    self._endpoint.token_count_url,
                    content=token_count_body(request),
                    timeout=self._timeout("first_byte"),
                )
                with self._answered(post, asked="chat", phase="first_byte") as (response, chunks):
                    return token_count_from(b"".join(chunks), request_id=request_id_from(response.headers))
            except KimiError as error:
                self._pause(error, attempts, began, on_wait)

    def _pause(self, error: KimiError, attempts: Attempts, began: float, on_wait: OnWait | None) -> None:
        wait_s = attempts.wait_s(error, time.monotonic() - began)
        if wait_s is None:
            raise error
        if on_wait is not None:
            on_wait(error, wait_s)
        self._sleep(wait_s)

    def _attempt(self, request: ChatRequest, *, streamed: bool) -> Generator[ReplyEvent, None, None]:
        phase: Phase = "first_byte" if streamed else "whole"
        post = self._http.build_request(
            "POST",
            self._endpoint.chat_url,
            content=wire_body(request, stream=streamed),
            timeout=self._timeout(phase),
        )
        with self._answered(post, asked="chat", phase=phase) as (response, chunks):
            reading = begin_reading(response, self._endpoint)
            for chunk in chunks:
                yield from reading.feed(chunk)
                if reading.done:
                    return
            yield from reading.close()

    @contextlib.contextmanager
    def _answered(
        self, request: httpx.Request, *, asked: Asked, phase: Phase
    ) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
        """Send; give the response, where it begins well, and its body as it comes."""
        try:
            response = self._http.send(request, stream=True)
        except httpx.RequestError as exc:
            raise broken(exc, phase, self._endpoint) from exc
        with contextlib.closing(response):
            # httpcore reads this again when it begins with the body.
            request.extensions["timeout"]["read"] = self._timeouts.idle_s
            chunks = self._chunks(response, "idle" if phase == "first_byte" else phase)
            if not response.is_success:
                raise from_response(
                    response.status_code,
                    response.headers,
                    _error_body(chunks),
                    asked=asked,
                    secrets=self._endpoint.secrets,
                )
            yield response, chunks

    def _chunks(self, response: httpx.Response, phase: Phase) -> Iterator[bytes]:
        try:
            yield from response.iter_bytes() if is_encoded(response) else response.iter_raw()
        except httpx.RequestError as exc:
            request_id = request_id_from(response.headers)
            raise broken(exc, phase, self._endpoint, request_id=request_id) from exc

    def _timeout(self, phase: Phase) -> httpx.Timeout:
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
