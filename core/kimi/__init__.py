"""The chat API of Kimi: a client that stands on its own.

::

    async with AsyncKimi(api_key=key, base_url="https://api.moonshot.cn/v1") as kimi:
        request = ChatRequest(
            messages=(Message(role="user", content="Why is the sky blue?"),),
            model="kimi-k2.6",
            max_completion_tokens=16_000,
        )
        async with contextlib.aclosing(kimi.stream(request)) as events:
            async for event in events:
                ...

It speaks to Moonshot (China and international), to Ace Data Cloud and to anything compatible
behind a base URL, and raises :class:`KimiError` and nothing else.
"""

from core.kimi.catalogue import (
    KNOWN,
    RETIRED,
    Model,
    Retired,
    ThinkingStyle,
    built_in,
    check_model,
    nearest,
)
from core.kimi.client import AsyncKimi
from core.kimi.content import Content, Part, PicturePart, TextPart, VideoPart, media_in, words_of
from core.kimi.errors import (
    KimiAuthenticationError,
    KimiContentFiltered,
    KimiContextTooLong,
    KimiEndpointMissing,
    KimiError,
    KimiFileMissing,
    KimiFileRefused,
    KimiInvalidRequest,
    KimiModelUnknown,
    KimiOverloaded,
    KimiPermissionError,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    Language,
    Limit,
    Phase,
)
from core.kimi.exchange import OnWait
from core.kimi.files import FAILED, MOST_FILE_BYTES, MOST_FILES, UNFINISHED, KimiFile, KimiFiles, Purpose
from core.kimi.policy import RetryPolicy, Timeouts
from core.kimi.reply import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Reply,
    ReplyEvent,
    TextDelta,
    ToolCall,
    Usage,
    collect,
)
from core.kimi.request import ChatRequest, Message, Role
from core.kimi.sync import Kimi

__all__ = [
    "FAILED",
    "KNOWN",
    "MOST_FILES",
    "MOST_FILE_BYTES",
    "RETIRED",
    "UNFINISHED",
    "AsyncKimi",
    "ChatRequest",
    "Content",
    "FinishReason",
    "Finished",
    "Kimi",
    "KimiAuthenticationError",
    "KimiContentFiltered",
    "KimiContextTooLong",
    "KimiEndpointMissing",
    "KimiError",
    "KimiFile",
    "KimiFileMissing",
    "KimiFileRefused",
    "KimiFiles",
    "KimiInvalidRequest",
    "KimiModelUnknown",
    "KimiOverloaded",
    "KimiPermissionError",
    "KimiQuotaExhausted",
    "KimiRateLimited",
    "KimiStreamInterrupted",
    "KimiTimeout",
    "KimiUnavailable",
    "Language",
    "Limit",
    "Message",
    "Model",
    "OnWait",
    "Part",
    "Phase",
    "PicturePart",
    "Purpose",
    "ReasoningDelta",
    "Reply",
    "ReplyEvent",
    "Retired",
    "RetryPolicy",
    "Role",
    "TextDelta",
    "TextPart",
    "ThinkingStyle",
    "Timeouts",
    "ToolCall",
    "Usage",
    "VideoPart",
    "built_in",
    "check_model",
    "collect",
    "media_in",
    "nearest",
    "words_of",
]
