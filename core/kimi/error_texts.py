"""Recognises the meaning of an error by its text, in the wordings of many hosts and gateways.

A text counts only for the error classes that are known to be used for everything. Sources: Moonshot's
documents and the wordings that people reported of Aliyun, Anthropic, Baidu, DeepSeek, LiteLLM, new-api,
OpenRouter, SGLang, vLLM and Zhipu.
"""

import re
from typing import Final, TypeAlias

from core.kimi.api_errors import (
    KimiContentFiltered,
    KimiContextTooLong,
    KimiEndpointMissing,
    KimiError,
    KimiInvalidRequest,
    KimiModelUnknown,
    KimiOverloaded,
    KimiPermissionError,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiUnavailable,
)

ErrorClass: TypeAlias = type[KimiError]

#: Pattern, class, classes that it replaces. The first match wins.
_BY_TEXT: Final[tuple[tuple[re.Pattern[str], ErrorClass, tuple[ErrorClass, ...]], ...]] = (
    (
        # Seen for one request in six on 2026-09-02, with requests that were valid.
        re.compile(r"missing required header", re.IGNORECASE),
        KimiUnavailable,
        (KimiInvalidRequest,),
    ),
    (
        re.compile(
            r"token limit|token length too long|context[ _-]?(length|window|size|limit)|maximum context"
            r"|(max_completion_tokens|max_tokens).{0,80}(too large|exceed)"
            r"|exceed.{0,60}(context|n_ctx|tokens?\b)"
            r"|range of input length|total message size|too many (input |prompt )?tokens|reduce the length"
            r"|(prompt|input|message|request|conversation)s?.{0,40}\b(is|are)? ?(too (long|large)|exceeds?)\b"
            r"|tokens? > \d|longer than the (maximum|model)|上下文.{0,20}(超|长)|输入.{0,20}(过长|超)",
            re.IGNORECASE,
        ),
        KimiContextTooLong,
        (KimiInvalidRequest, KimiUnavailable),
    ),
    (
        re.compile(
            r"high risk|content exists risk|data_?inspection|inappropriate content"
            r"|content (management )?policy|content_filter|\bflagged\b|moderation"
            r"|sensitive (content|words?)|safety system|敏感|违规|风险",
            re.IGNORECASE,
        ),
        KimiContentFiltered,
        (KimiInvalidRequest, KimiPermissionError, KimiUnavailable),
    ),
    (
        re.compile(
            r"insufficient.{0,12}(balance|quota|credits?|funds)|exceeded (your )?current quota|suspended due"
            r"|out of credits?|requires more credits|quota.{0,20}(exhausted|used up)|arrearage|余额不足|额度"
            r"|欠费|billing hard limit|not active.{0,40}billing",
            re.IGNORECASE,
        ),
        KimiQuotaExhausted,
        (KimiRateLimited, KimiPermissionError, KimiInvalidRequest),
    ),
    (
        re.compile(r"(rate|rpm|tpm|request).?limit|too many requests|throttl|频率|限流", re.IGNORECASE),
        KimiRateLimited,
        (KimiUnavailable,),
    ),
    (
        re.compile(r"overloaded|at capacity|server is busy", re.IGNORECASE),
        KimiOverloaded,
        (KimiRateLimited, KimiUnavailable),
    ),
    (
        re.compile(
            r"\bmodel\b.{0,120}(not found|(not|n.t) exist|permission denied|retired|decommissioned"
            r"|discontinued|deprecated|sunset|no longer (supported|available|served))"
            r"|\bmodel\b\W+[\w./:-]+\W+(is )?(not supported|unavailable)"
            r"|no endpoints found|(invalid|unknown|unsupported) model|no available channel for model"
            r"|there are no healthy deployments|模型.{0,20}(不存在|下线|无权)",
            re.IGNORECASE,
        ),
        KimiModelUnknown,
        (KimiEndpointMissing, KimiInvalidRequest, KimiUnavailable),
    ),
)


def refine_by_text(error_class: ErrorClass, text: str) -> ErrorClass:
    """Return the class that an error's text means; ``error_class`` if the text says nothing more."""
    for pattern, specific, replaced in _BY_TEXT:
        if error_class in replaced and pattern.search(text):
            return specific
    return error_class
