"""The asynchronous client."""

import contextlib
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from types import TracebackType
from typing import Any

import httpx
import orjson

from core.domain.clock import Clock, SystemClock
from core.kimi.api_errors import (
    KimiError,
    KimiInvalidRequest,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
)
from core.kimi.body_decoder import BodyDecoder
from core.kimi.connection import Connection
from core.kimi.endpoint import Endpoint
from core.kimi.files_api import KimiFiles
from core.kimi.http_exchange import HttpExchange
from core.kimi.json_decoding import parse_response_json
from core.kimi.models import Model, parse_models
from core.kimi.optional_fields import OnFieldsRefused, OptionalFields, find_refused_field
from core.kimi.reply import Reply, ReplyEvent, collect_reply
from core.kimi.request import ChatRequest, chat_body
from core.kimi.retry_policy import RetryPolicy, Timeouts
from core.kimi.token_count import parse_token_count, token_count_body
from core.kimi.transport import END_S, OnRetry, decoder_for_response, timeout_error


class AsyncKimi:
    """A chat API behind a base URL. One instance serves any number of calls at once.

    Every method raises :class:`core.kimi.KimiError` and nothing else.
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
        omit: Collection[str] = (),
        on_fields_refused: OnFieldsRefused | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Check key and address; nothing is sent yet.

        Args:
            api_key: the provider's key.
            base_url: the provider's address, such as "https://api.moonshot.cn/v1".
            clock: measures waits and timeouts, but for the time to connect, which httpx measures.
            timeouts: seconds without a sign of life.
            retry: of everything but files.
            files_retry: of the calls of :attr:`files`.
            omit: optional fields of requests that the provider does not take.
            on_fields_refused: called with the model and the fields when a refusal showed others.
            transport: sends the requests; None opens connections.

        Raises:
            ValueError: the base URL is no HTTP address, or the key cannot be sent in a header.
        """
        timeouts = timeouts or Timeouts()
        self._connection = Connection(
            Endpoint(api_key=api_key, base_url=base_url),
            clock or SystemClock(),
            timeouts,
            transport=transport,
        )
        self._eventless_s = timeouts.eventless_s
        self._retry = retry or RetryPolicy()
        self._optional_fields = OptionalFields(omit, on_fields_refused)
        self.files = KimiFiles(self._connection, files_retry or RetryPolicy())

    async def __aenter__(self) -> "AsyncKimi":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._connection.close()

    def omitted_fields(self, model: str) -> frozenset[str]:
        """Return the optional fields that requests to ``model`` are sent without."""
        return self._optional_fields.omitted(model)

    def recall_refused_fields(self, refused: Mapping[str, frozenset[str]]) -> None:
        """Leave out what an earlier process learnt, by model."""
        self._optional_fields.recall(refused)

    async def stream(
        self, request: ChatRequest, *, on_retry: OnRetry | None = None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; the last one is ``Finished``.

        Closing the generator closes the connection, which is how a reply is stopped
        (``contextlib.aclosing``). Failures that may pass are tried again until the first event;
        ``on_retry`` is called before each wait. Reading behind ``Finished`` to the generator's end
        lets the connection serve the next call.
        """
        retries, clock = self._connection.retries(self._retry, on_retry), self._connection.clock
        while True:
            has_begun = False
            try:
                async with contextlib.aclosing(self._attempt(request, streamed=True)) as reads:
                    last_event_at = clock.time()
                    async for events in reads:
                        has_events = False
                        for event in events:
                            has_begun = has_events = True
                            yield event
                        if has_events:
                            last_event_at = clock.time()
                        elif clock.time() - last_event_at > self._eventless_s:
                            raise timeout_error("idle", self._eventless_s)
                return
            except KimiError as error:
                if has_begun:
                    raise
                await clock.sleep(retries.wait_s(error))

    async def complete(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> Reply:
        """Return a whole reply, requested without streaming.

        Stream long answers instead: gateways cut connections that stay silent.
        """

        async def once() -> Reply:
            async with contextlib.aclosing(self._attempt(request, streamed=False)) as reads:
                return collect_reply([event async for events in reads for event in events])

        return await self._connection.with_retries(once, self._retry, on_retry)

    async def models(self, *, on_retry: OnRetry | None = None) -> tuple[Model, ...]:
        """Return the models that the provider serves this key.

        Raises:
            KimiEndpointMissing: the provider has no list (see :func:`core.kimi.built_in_models`).
        """

        async def once() -> tuple[Model, ...]:
            get = self._connection.build_request("GET", self._connection.endpoint.models_url)
            body, request_id = await self._connection.fetch(get, endpoint_kind="models")
            return parse_models(body, request_id=request_id)

        return await self._connection.with_retries(once, self._retry, on_retry)

    async def count_tokens(self, request: ChatRequest, *, on_retry: OnRetry | None = None) -> int:
        """Return the provider's count of the tokens in the request's messages, without its tools.

        Raises:
            KimiEndpointMissing: the provider does not count (Ace Data Cloud).
        """
        content = token_count_body(request)

        async def once() -> int:
            url = self._connection.endpoint.token_count_url
            post = self._connection.build_request("POST", url, content=content)
            body, request_id = await self._connection.fetch(post, endpoint_kind="chat")
            return parse_token_count(body, request_id=request_id)

        return await self._connection.with_retries(once, self._retry, on_retry)

    async def request_json(
        self, method: str, path: str, body: object = None, *, retry: RetryPolicy | None = None
    ) -> Any:
        """Call another endpoint of the API, such as "/formulas/…/tools"; return its JSON.

        ``path`` is appended to the base URL, ``body`` is sent as JSON. Only GET is tried again, unless
        ``retry`` says how other methods are.

        Raises:
            KimiEndpointMissing: the provider has no such endpoint.
        """
        content = None if body is None else orjson.dumps(body)

        async def once() -> Any:
            url = self._connection.endpoint.base_url + path
            request = self._connection.build_request(method, url, content=content)
            answer, request_id = await self._connection.fetch(request, endpoint_kind="models")
            return parse_response_json(answer, request_id=request_id)

        retry = retry or (self._retry if method == "GET" else RetryPolicy(max_attempts=1))
        return await self._connection.with_retries(once, retry)

    async def _attempt(
        self, request: ChatRequest, *, streamed: bool
    ) -> AsyncGenerator[Iterator[ReplyEvent], None]:
        """Send the request; yield the events of each network read.

        A request that is refused for an optional field is sent again at once without it.
        """
        omitted, has_begun = self._optional_fields.omitted(request.model), False
        while True:
            try:
                content = chat_body(request, stream=streamed, omit=omitted)
                async with contextlib.aclosing(self._exchange(content, streamed=streamed)) as reads:
                    async for events in reads:
                        if not has_begun:
                            has_begun = True
                            self._optional_fields.learn(request.model, omitted)
                        yield events
                return
            except KimiInvalidRequest as error:
                field = find_refused_field(error, request, omitted)
                if has_begun or field is None:
                    raise
                omitted |= {field}

    async def _exchange(
        self, content: bytes, *, streamed: bool
    ) -> AsyncGenerator[Iterator[ReplyEvent], None]:
        """Send a body once; yield the events of each network read."""
        endpoint = self._connection.endpoint
        post = self._connection.build_request("POST", endpoint.chat_url, content=content)
        async with self._connection.exchange("first_byte" if streamed else "whole") as exchange:
            await exchange.send(post, endpoint_kind="chat")
            decoder = decoder_for_response(exchange.response, endpoint)
            while chunk := await _read(exchange, decoder):
                yield decoder.feed(chunk)
                if decoder.done:
                    await exchange.drain()
                    return
            yield decoder.close()


async def _read(exchange: HttpExchange, decoder: BodyDecoder) -> bytes:
    """Return the next bytes of a reply; b"" at its end, or if it breaks off behind its finish reason.

    Raises:
        KimiError: it breaks off before.
    """
    if not decoder.is_whole:
        return await exchange.read()
    exchange.limit_idle(END_S)
    try:
        return await exchange.read()
    except (KimiStreamInterrupted, KimiTimeout, KimiUnavailable):
        return b""
