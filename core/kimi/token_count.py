"""Request and response of ``POST /tokenizers/estimate-token-count``."""

from core.kimi.api_errors import KimiEndpointMissing
from core.kimi.json_decoding import decode_json
from core.kimi.request import ChatRequest, encode_body, wire_messages


def token_count_body(request: ChatRequest) -> bytes:
    """Return the JSON body that asks for the count of a chat request; the endpoint takes no tools."""
    return encode_body({"model": request.model, "messages": wire_messages(request)})


def parse_token_count(body: bytes, *, request_id: str = "") -> int:
    """Return the count, in tokens.

    Raises:
        KimiEndpointMissing: the body is something else.
    """
    try:
        response = decode_json(body)
    except ValueError:
        response = None
    match response:
        case {"data": {"total_tokens": int(tokens)}}:
            return tokens
        case _:
            raise KimiEndpointMissing("something else than a token count", request_id=request_id)
