"""How many tokens a text is, without asking: by script, corrected by what Kimi has counted."""

import math

from core.kimi import ChatRequest, MessageContent, count_media, text_of
from core.text.language import CJK_RUN

CJK_TOKENS = 0.7  #: tokens of one Chinese character, on the safe side
OTHER_TOKENS = 0.28  #: tokens of one other character
MESSAGE_TOKENS = 6  #: role and separators of one message
MEDIA_TOKENS = 1_024  #: one picture or video, as Moonshot's help center says
RESERVATION_FACTOR = 1.3  #: a prompt is reserved with so much more than we estimate
LEARNING_RATE = 0.2  #: weight of the newest measurement
MIN_RATIO, MAX_RATIO = 0.5, 3.0  #: a measurement beyond these is not believed


def estimate_tokens(text: str) -> int:
    """Return the tokens of ``text`` by script; never 0."""
    cjk = sum(map(len, CJK_RUN.findall(text))) if not text.isascii() else 0
    return max(1, math.ceil(cjk * CJK_TOKENS + (len(text) - cjk) * OTHER_TOKENS))


def estimate_content_tokens(content: MessageContent) -> int:
    """Return the tokens of one message's content, pictures and videos included."""
    return estimate_tokens(text_of(content)) + count_media(content) * MEDIA_TOKENS


def tokens_to_reserve(request: ChatRequest) -> int:
    """Return what the account's limits will count for a request, rather too many than too few."""
    prompt = sum(
        estimate_content_tokens(message.content)
        + estimate_tokens(message.reasoning)
        + sum(estimate_tokens(call.arguments) for call in message.tool_calls)
        + MESSAGE_TOKENS
        for message in request.messages
    )
    tools = sum(estimate_tokens(str(tool)) for tool in request.tools)
    return math.ceil((prompt + tools) * RESERVATION_FACTOR) + request.max_completion_tokens


def update_ratio(ratio: float, *, estimated: int, counted: int) -> float:
    """Return the ratio of counted to estimated tokens after one more call.

    ``estimated`` is what :func:`estimate_tokens` said of the whole prompt, ``counted`` what
    ``usage.prompt_token_totals`` says.
    """
    if estimated <= 0 or counted <= 0:
        return ratio
    measured = min(MAX_RATIO, max(MIN_RATIO, counted / estimated))
    return ratio + LEARNING_RATE * (measured - ratio)
