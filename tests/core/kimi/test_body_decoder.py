"""The form of a response, recognised by its first bytes."""

import pytest

from core.kimi import TextDelta
from core.kimi.body_decoder import BodyDecoder

BOM = b"\xef\xbb\xbf"
STREAM = (
    b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
    b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)
WHOLE = b'{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]}'


def text_in(*reads: bytes) -> str:
    """Return the text of a response that arrives in these network reads."""
    decoder = BodyDecoder("text/plain", request_id="", secrets=())
    events = [event for read in reads for event in decoder.feed(read)]
    events += [] if decoder.done else decoder.close()
    return "".join(event.text for event in events if isinstance(event, TextDelta))


@pytest.mark.parametrize("body", [STREAM, WHOLE])
@pytest.mark.parametrize("start", [b"", b"\r\n ", BOM, b"\n" + BOM, BOM + b"\n"])
def test_white_space_and_a_byte_order_mark_may_come_first(start: bytes, body: bytes) -> None:
    """Neither is part of the reply, however the network cuts it (WHATWG: a stream may begin with a mark)."""
    assert text_in(start + body) == "Hi"
    assert text_in(*((start + body)[at : at + 1] for at in range(len(start + body)))) == "Hi"
