"""The asynchronous client."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import httpx
import orjson
import structlog

from core.domain.clock import Clock, SystemClock
from core.kimi.endpoint import Endpoint
from core.kimi.errors import KimiError, Phase
from core.kimi.files_api import KimiFiles
from core.kimi.http_exchange import HttpExchange
from core.kimi.json_decoding import parse_response_json
from core.kimi.models import Model, parse_models
from core.kimi.reply import Reply, ReplyEvent, collect_reply
from core.kimi.request import ChatRequest, chat_body, token_count_body
from core.kimi.retry_policy import RetryPolicy, RetryState, Timeouts
from core.kimi.token_count import parse_token_count
from core.kimi.transport import CONNECTION_LIMITS, OnRetry, decoder_for_response

T = TypeVar("T")
log = structlog.get_logger()


class AsyncKimi:
    """A chat API behind a base URL. One instance serves any number of calls at once.

    Every verb raises :class:`core.kimi.errors.KimiError` and nothing else.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str,
        clock: Clock | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        files_retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Check key and address; nothing is sent yet.

        ``clock`` measures waits and time-outs (connecting excepted: that is httpx's). What is asked
        of :attr:`files` is tried again by a policy of its own.

        Raises:
            ValueError: the base URL is no HTTP address, or the key cannot stand in a header.
        """
        self._endpoint = Endpoint(api_key=api_key, base_url=base_url)
        self._clock: Clock = clock or SystemClock()
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or RetryPolicy()
        self._http = httpx.AsyncClient(
            headers=self._endpoint.headers,
            timeout=httpx.Timeout(None, connect=self._timeouts.connect_s),
            limits=CONNECTION_LIMITS,
            transport=transport,
        )
        self._files_retry = files_retry or RetryPolicy()
        self.files = KimiFiles(
            self._http,
            self._endpoint,
            open_exchange=self._open_exchange,
            with_retries=self._with_files_retries,
        )

    async def __aenter__(self) -> "AsyncKimi":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def stream(
        self, request: ChatRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply as it grows; exactly one ``Finished`` ends it.

        Closing the generator closes the connection, which is how a reply is stopped
        (``contextlib.aclosing``). Failures that may pass are tried again while nothing was
        yielded yet; ``on_wait`` is told before each wait. Reading on behind ``Finished`` to the
        generator's end lets the connection serve the next call.
        """
        attempts, began = RetryState(self._retry), self._clock.time()
        while True:
            spoken = False
            try:
                async with contextlib.aclosing(self._attempt(request, streamed=True)) as reads:
                    async for events in reads:
                        for event in events:
                            spoken = True
                            yield event
                return
            except KimiError as error:
                if spoken:
                    raise
                await self._wait_before_retry(error, attempts, began, on_retry)

    async def complete(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> Reply:
        """Return one whole reply, asked for without streaming.

        Long answers are better streamed: gateways cut connections that stay silent.
        """
        attempts, began = RetryState(self._retry), self._clock.time()
        while True:
            try:
                async with contextlib.aclosing(self._attempt(request, streamed=False)) as reads:
                    return collect_reply([event async for events in reads for event in events])
            except KimiError as error:
                await self._wait_before_retry(error, attempts, began, on_retry)

    async def models(self, *, on_retry: OnRetry | None = None) -> tuple[Model, ...]:
        """Return the models that the provider serves this key.

        Raises:
            KimiEndpointMissing: the provider does not tell (:func:`core.kimi.built_in_models`).
        """
        return await self._with_retries(self._list_models, on_retry)

    async def count_tokens(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> int:
        """Return how many tokens the provider counts for the request's messages; tools are left out.

        Raises:
            KimiEndpointMissing: the provider does not count (Ace Data Cloud).
        """
        return await self._with_retries(lambda: self._count_tokens(request), on_retry)

    async def _with_files_retries(self, operation: Callable[[], Awaitable[T]]) -> T:
        return await self._with_retries(operation, policy=self._files_retry)

    async def _with_retries(
        self,
        operation: Callable[[], Awaitable[T]],
        on_retry: OnRetry | None = None,
        policy: RetryPolicy | None = None,
    ) -> T:
        attempts, began = RetryState(policy or self._retry), self._clock.time()
        while True:
            try:
                return await operation()
            except KimiError as error:
                await self._wait_before_retry(error, attempts, began, on_retry)

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Ask one of the API's other endpoints, such as "/formulas/…/tools"; return its JSON.

        ``path`` is appended to the base URL and ``body`` sent as JSON. Tried again only where that
        does no harm: for GET.

        Raises:
            KimiEndpointMissing: the provider has no such endpoint.
        """
        attempts, began = RetryState(self._retry), self._clock.time()
        content = None if body is None else orjson.dumps(body)
        while True:
            try:
                async with self._open_exchange("first_byte") as call:
                    url = self._endpoint.base_url + path
                    await call.send(
                        self._http.build_request(method, url, content=content), endpoint_kind="models"
                    )
                    return parse_response_json(await call.read_all(), request_id=call.request_id)
            except KimiError as error:
                if method != "GET":
                    raise
                await self._wait_before_retry(error, attempts, began, None)

    async def _wait_before_retry(
        self, error: KimiError, retry_state: RetryState, started_at: float, on_retry: OnRetry | None
    ) -> None:
        """Let the wait before the next attempt pass, or raise ``error`` where it is final."""
        wait_s = retry_state.next_wait_s(error, self._clock.time() - started_at)
        if wait_s is None:
            raise error
        log.info(
            "kimi.retry_scheduled", code=error.code, wait_s=round(wait_s, 2), attempt=retry_state.attempts
        )
        if on_retry is not None:
            on_retry(error, wait_s)
        await self._clock.sleep(wait_s)

    async def _attempt(
        self, request: ChatRequest, *, streamed: bool
    ) -> AsyncGenerator[Iterator[ReplyEvent], None]:
        """Send the request once; yield the events of each network read."""
        post = self._http.build_request(
            "POST", self._endpoint.chat_url, content=chat_body(request, stream=streamed)
        )
        async with self._open_exchange("first_byte" if streamed else "whole") as call:
            await call.send(post, endpoint_kind="chat")
            reading = decoder_for_response(call.response, self._endpoint)
            while chunk := await call.read():
                yield reading.feed(chunk)
                if reading.done:
                    await call.drain()
                    return
            yield reading.close()

    async def _list_models(self) -> tuple[Model, ...]:
        async with self._open_exchange("first_byte") as call:
            await call.send(
                self._http.build_request("GET", self._endpoint.models_url), endpoint_kind="models"
            )
            return parse_models(await call.read_all(), request_id=call.request_id)

    async def _count_tokens(self, request: ChatRequest) -> int:
        body = token_count_body(request)
        async with self._open_exchange("first_byte") as call:
            await call.send(
                self._http.build_request("POST", self._endpoint.token_count_url, content=body),
                endpoint_kind="chat",
            )
            return parse_token_count(await call.read_all(), request_id=call.request_id)

    def _open_exchange(self, phase: Phase) -> HttpExchange:
        return HttpExchange(self._http, self._endpoint, self._clock, self._timeouts, phase)
