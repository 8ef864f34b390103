"""A client of Kimi's chat API, usable without the rest of the service.

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

It works with Moonshot (China and international), Ace Data Cloud and compatible providers behind a base
URL, and raises :class:`KimiError` and nothing else.
"""

from core.kimi.api_errors import (
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
    KimiUnreadableReply,
    Language,
    Limit,
    Phase,
)
from core.kimi.client import AsyncKimi
from core.kimi.content import (
    ContentPart,
    ImagePart,
    MessageContent,
    TextPart,
    VideoPart,
    count_media,
    text_of,
)
from core.kimi.files_api import (
    FAILED_STATUSES,
    MAX_FILE_BYTES,
    MAX_FILES,
    READY_STATUSES,
    FilePurpose,
    KimiFile,
    KimiFiles,
)
from core.kimi.models import (
    KNOWN_MODELS,
    RETIRED_MODELS,
    Model,
    RetiredModel,
    ThinkingControl,
    built_in_models,
    check_model,
    nearest_model,
)
from core.kimi.reply import (
    Finished,
    FinishReason,
    ReasoningDelta,
    Reply,
    ReplyEvent,
    TextDelta,
    ToolCall,
    Usage,
    collect_reply,
)
from core.kimi.request import ChatRequest, Message, Role
from core.kimi.retry_policy import RetryPolicy, Timeouts
from core.kimi.sync import Kimi
from core.kimi.transport import OnRetry

__all__ = [
    "FAILED_STATUSES",
    "KNOWN_MODELS",
    "MAX_FILES",
    "MAX_FILE_BYTES",
    "READY_STATUSES",
    "RETIRED_MODELS",
    "AsyncKimi",
    "ChatRequest",
    "ContentPart",
    "FilePurpose",
    "FinishReason",
    "Finished",
    "ImagePart",
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
    "KimiUnreadableReply",
    "Language",
    "Limit",
    "Message",
    "MessageContent",
    "Model",
    "OnRetry",
    "Phase",
    "ReasoningDelta",
    "Reply",
    "ReplyEvent",
    "RetiredModel",
    "RetryPolicy",
    "Role",
    "TextDelta",
    "TextPart",
    "ThinkingControl",
    "Timeouts",
    "ToolCall",
    "Usage",
    "VideoPart",
    "built_in_models",
    "check_model",
    "collect_reply",
    "count_media",
    "nearest_model",
    "text_of",
]
