"""Fuzz targets for what servers answer: providers of models, vectors and words, and MCP servers."""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from core.domain.errors import SettingsError
from core.embeddings.endpoint import parse_vectors
from core.kimi import KimiError
from core.kimi.body_decoder import BodyDecoder
from core.kimi.error_mapping import error_from_response
from core.kimi.files_api import extract_text, parse_file
from core.kimi.models import parse_models
from core.kimi.token_count import parse_token_count
from core.ports.embedder import EmbeddingFailed
from core.ports.tools import ToolError
from core.speech.transcription_client import parse_transcription
from core.tools.formula import parse_fiber
from core.tools.mcp.config import parse_mcp_servers
from core.tools.mcp.results import parse_result
from core.tools.mcp.schemas import MAX_DEFINITION_BYTES, definition_bytes, tool_definition

_EXPECTED: Final = (KimiError, EmbeddingFailed, ToolError, SettingsError)
_scalars: Final = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.integers(10**15, 10**25)
)


def _json(*keys: str) -> SearchStrategy[Any]:
    """Return JSON values whose objects have some of these keys, and whose texts are some of them."""
    return st.recursive(
        st.one_of(_scalars, st.sampled_from(keys)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(keys), inner, max_size=8)
        ),
        max_leaves=40,
    )


def _expecting(parse: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a target for which the errors that callers expect are no failure."""

    def target(given: Any) -> object:
        try:
            return parse(given)
        except _EXPECTED:
            return None

    return target


def _stream(events: list[bytes | object]) -> object:
    """Decode a reply of these events, cut into pieces of ten bytes."""
    body = b"".join(
        one if isinstance(one, bytes) else b"data: " + json.dumps(one).encode() + b"\n\n" for one in events
    )
    decoder = BodyDecoder("text/event-stream", request_id="", secrets=("sk",))
    found = [event for at in range(0, len(body), 10) for event in decoder.feed(body[at : at + 10])]
    return [*found, *decoder.close()]


def _definition(schema: object) -> None:
    definition = tool_definition("t", "d", schema if isinstance(schema, dict) else {"properties": schema})
    assert definition_bytes(definition) <= MAX_DEFINITION_BYTES


def _result(content: object) -> object:
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return parse_result("s", blocks, content, is_error=False)


def _dumped(parse: Callable[[bytes], object]) -> Callable[[object], object]:
    return lambda value: parse(json.dumps(value).encode())


_CHUNKS: Final = _json(
    *("choices", "delta", "message", "content", "reasoning_content", "tool_calls", "index", "id", "function"),
    *(
        "name",
        "arguments",
        "finish_reason",
        "stop",
        "usage",
        "prompt_tokens",
        "error",
        "code",
        "type",
        "model",
    ),
)
_SCHEMAS: Final = _json(
    *(
        "type",
        "object",
        "string",
        "array",
        "properties",
        "items",
        "required",
        "enum",
        "const",
        "anyOf",
        "allOf",
    ),
    *("oneOf", "$ref", "#", "#/properties/a", "#/$defs/a", "$defs", "a", "b", "default", "description"),
    *("minimum", "maxLength"),
)
_BLOCKS: Final = _json(
    *("type", "text", "image", "data", "mimeType", "image/png", "resource_link", "uri", "https://a.test"),
    *("title", "name", "resource", "audio", "blob"),
)
_LISTS: Final = _json(
    *("data", "id", "object", "context_length", "supports_reasoning", "total_tokens", "index", "embedding"),
    *("bytes", "filename", "purpose", "created_at", "status", "content", "text", "error", "message"),
)
_SERVERS: Final = _json(
    *(
        "mcpServers",
        "command",
        "args",
        "env",
        "url",
        "headers",
        "https://a.test",
        "${X}",
        "${X:-y}",
        "trusted",
    ),
    *("approval", "free", "ask", "never", "type", "http", "disabled", "cwd", "*"),
)

SERVER_TARGETS: Final[Mapping[str, tuple[Callable[[Any], object], SearchStrategy[Any]]]] = MappingProxyType(
    {
        "reply stream": (
            _expecting(_stream),
            st.lists(
                st.one_of(
                    _CHUNKS,
                    st.builds(lambda delta: {"choices": [{"delta": delta}]}, _CHUNKS),
                    st.sampled_from(
                        [b"data: [DONE]\n\n", b": c\n\n", b"event: error\n", b"data:", b"\r\n", b"{"]
                    ),
                    st.binary(max_size=30),
                ),
                max_size=6,
            ),
        ),
        "list of models": (_expecting(_dumped(parse_models)), _LISTS),
        "count of tokens": (_expecting(_dumped(parse_token_count)), _LISTS),
        "file at kimi": (_expecting(parse_file), _LISTS),
        "text of a file at kimi": (_expecting(_dumped(extract_text)), _LISTS),
        "error of a provider": (
            lambda body: error_from_response(
                400, {}, json.dumps(body).encode(), endpoint_kind="chat", secrets=("sk",)
            ),
            _LISTS,
        ),
        "transcription": (_expecting(_dumped(parse_transcription)), _LISTS),
        "vectors": (_expecting(lambda answer: parse_vectors(answer, 2)), _LISTS),
        "result of a formula": (_expecting(lambda fiber: parse_fiber("fetch", fiber, "{}")), _LISTS),
        "schema of an mcp tool": (_definition, _SCHEMAS),
        "result of an mcp tool": (_expecting(_result), st.lists(_BLOCKS, max_size=5)),
        "mcp.json": (_expecting(_dumped(lambda file: parse_mcp_servers(file, {"X": "x"}))), _SERVERS),
    }
)
