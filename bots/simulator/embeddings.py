"""A strict local stand-in for ``POST /v1/embeddings`` as OpenAI-compatible hosts serve it.

Two texts are near to each other if they share words, or words that :attr:`EmbeddingSimulator.synonyms`
calls the same. Key, model, number and length of the texts are checked as hosts do; the limit of ten texts and
its refusal are DashScope's.
"""

import math
import re
import zlib
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bots.web_server import WebServer

DIMENSIONS: Final = 64
KEY: Final = "sk-embed"
MODEL: Final = "text-embedding-v4"
_WORD: Final = re.compile(r"[a-z]+|[\u4e00-\u9fff]")


class EmbeddingSimulator:
    """The endpoint on a free port of 127.0.0.1."""

    def __init__(
        self,
        *,
        synonyms: Mapping[str, str] | None = None,
        model: str = MODEL,
        max_texts: int = 10,
        max_text_chars: int = 3_000,
        dimensions: int = DIMENSIONS,
    ) -> None:
        """``synonyms`` maps words to the word that they mean."""
        self.synonyms = dict(synonyms or {})
        self.model = model
        self.max_texts = max_texts
        self.max_text_chars = max_text_chars
        self.dimensions = dimensions
        self.refuse_next: list[Response] = []  #: answers to give before any other
        self.is_down = False
        self.requests: list[list[str]] = []  #: the texts of each request that was answered
        self.app = Starlette(routes=[Route("/v1/embeddings", self._embeddings, methods=["POST"])])
        self._server: WebServer | None = None

    @property
    def base_url(self) -> str:
        """The base URL, ending in ``/v1``."""
        if self._server is None:
            raise RuntimeError("the stand-in for embeddings is not running")
        return f"{self._server.url}/v1"

    async def __aenter__(self) -> "EmbeddingSimulator":
        self._server = WebServer(self.app)
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            await self._server.close()
            self._server = None

    def vector(self, text: str) -> list[float]:
        """Return the vector of a text; it is not of length 1, as those of some hosts."""
        found = [0.01] * self.dimensions
        for word in _WORD.findall(text.casefold()):
            found[zlib.crc32(self.synonyms.get(word, word).encode()) % self.dimensions] += 1.0
        return [value * 3 for value in found]

    async def _embeddings(self, request: Request) -> Response:
        if self.is_down:
            return _error(503, "server_error", "The server is overloaded.")
        if self.refuse_next:
            return self.refuse_next.pop(0)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return _error(401, "invalid_request_error", "Incorrect API key provided.")
        body = orjson.loads(await request.body())
        if refusal := self._refusal(body):
            return refusal
        texts: list[str] = body["input"]
        self.requests.append(texts)
        data = [
            {"object": "embedding", "index": index, "embedding": self.vector(text)}
            for index, text in enumerate(texts)
        ]
        tokens = sum(math.ceil(len(text) / 4) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        answer = {"object": "list", "data": data[::-1], "model": self.model, "usage": usage}
        return Response(orjson.dumps(answer), media_type="application/json")

    def _refusal(self, body: Any) -> Response | None:
        match body:
            case {"model": str(model), "input": [*texts]} if all(isinstance(text, str) for text in texts):
                pass
            case _:
                return _error(400, "invalid_request_error", "model and input are required")
        if unknown := set(body) - {"model", "input"}:
            return _error(400, "invalid_request_error", f"unknown fields: {sorted(unknown)}")
        if model != self.model:
            return _error(404, "model_not_found", f"The model `{model}` does not exist")
        if not 0 < len(texts) <= self.max_texts:
            limit = f"batch size is invalid, it should not be larger than {self.max_texts}.: input.contents"
            return _error(
                400, "InvalidParameter", f"<400> InternalError.Algo.InvalidParameter: Value error, {limit}"
            )
        if any(not text or len(text) > self.max_text_chars for text in texts):
            return _error(400, "invalid_request_error", "input must have between 1 and 8192 tokens")
        return None


def _error(status: int, code: str, message: str) -> Response:
    body = {"error": {"message": message, "type": code, "param": None, "code": code}}
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
