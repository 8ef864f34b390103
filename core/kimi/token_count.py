"""What ``POST /tokenizers/estimate-token-count`` answers."""

from core.kimi.errors import KimiEndpointMissing
from core.kimi.json_decoding import decode_json


def parse_token_count(body: bytes, *, request_id: str = "") -> int:
    """Return the count, in tokens.

    Raises:
        KimiEndpointMissing: it is something else.
    """
    try:
        answered = decode_json(body)
    except ValueError:
        answered = None
    match answered:
        case {"data": {"total_tokens": int(tokens)}}:
            return tokens
        case _:
            raise KimiEndpointMissing("something else than a token count", request_id=request_id)
