"""Token estimates of requests and of messages with pictures."""

import math

from core.kimi import ChatRequest, MessageContent, count_media, text_of
from core.text.tokens import MEDIA_TOKENS, MESSAGE_TOKENS, RESERVATION_FACTOR, estimate_tokens


def estimate_content_tokens(content: MessageContent) -> int:
    """Return the estimated tokens of one message's content, pictures and videos included."""
    return estimate_tokens(text_of(content)) + count_media(content) * MEDIA_TOKENS


def tokens_to_reserve(request: ChatRequest) -> int:
    """Return an upper estimate of the tokens that the account's limits count for a request."""
    prompt = sum(
        estimate_content_tokens(message.content)
        + estimate_tokens(message.reasoning)
        + sum(estimate_tokens(call.arguments) for call in message.tool_calls)
        + MESSAGE_TOKENS
        for message in request.messages
    )
    tools = sum(estimate_tokens(str(tool)) for tool in request.tools)
    return math.ceil((prompt + tools) * RESERVATION_FACTOR) + request.max_completion_tokens
