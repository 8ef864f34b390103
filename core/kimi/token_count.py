"""What ``POST /tokenizers/estimate-token-count`` answers."""

from core.kimi.decode import decode
from core.kimi.errors import KimiEndpointMissing


def token_count_from(body: bytes, *, request_id: str = "") -> int:
    """Return the count, in tokens.

    Raises:
        KimiEndpointMissing: it is something else.
    """
    try:
        answered = decode(body)
    except ValueError:
        answered = None
    match answered:
        case {"data": {"total_tokens": int(tokens)}}:
            return tokens
        case _:
            raise KimiEndpointMissing("something else than a token count", request_id=request_id)
