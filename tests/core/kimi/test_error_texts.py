"""The meaning of errors in the wordings of many hosts and gateways."""

import pytest

from core.kimi import (
    KimiContentFiltered,
    KimiContextTooLong,
    KimiEndpointMissing,
    KimiError,
    KimiInvalidRequest,
    KimiModelUnknown,
    KimiQuotaExhausted,
)
from core.kimi.error_mapping import error_from_response

CONTEXT = [
    "total message size 10176584 exceeds limit 2097152",  # MoonshotAI/kimi-code#476
    "Range of input length should be [1, 98304]",  # Aliyun, QwenLM/Qwen-Agent#615
    "prompt is too long: 210000 tokens > 200000 maximum",  # Anthropic's form
    "Invalid request: Your request exceeded model token limit: 262144 (requested: 269030)",
    "Input token length too long",
    "This model's maximum context length is 65536 tokens. However, you requested 70000 tokens",
    "Requested token count exceeds the model's maximum context length of 131072 tokens",
    "the request exceeds the available context size, try increasing it",  # llama.cpp
    "The input (90000 tokens) is longer than the model's context length (32768 tokens)",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "Please reduce the length of the messages or completion",
    "输入内容过长，超出上下文长度限制",
]


def refused(status: int, message: str, **members: str) -> KimiError:
    """The error of a response with this message."""
    import json

    body = {"error": {"message": message, "type": "invalid_request_error"} | members}
    return error_from_response(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize("message", CONTEXT)
def test_a_full_context_is_recognised(message: str) -> None:
    """In every wording found (F27)."""
    assert type(refused(400, message)) is KimiContextTooLong


@pytest.mark.parametrize(
    ("status", "message", "members", "kind"),
    [
        (403, "user quota is not enough", {"code": "insufficient_user_quota"}, KimiQuotaExhausted),  # new-api
        (402, "This request requires more credits", {}, KimiQuotaExhausted),  # OpenRouter
        (403, "openai/x requires moderation. Your input was flagged", {}, KimiContentFiltered),  # OpenRouter
        (400, "Content Exists Risk", {}, KimiContentFiltered),  # DeepSeek
        (
            400,
            "Input data may contain inappropriate content.",
            {"code": "data_inspection_failed"},
            KimiContentFiltered,
        ),
        (404, "No endpoints found for moonshotai/kimi-k9.", {}, KimiModelUnknown),  # OpenRouter
        (
            400,
            "The model `kimi-k9` has been decommissioned.",
            {},
            KimiModelUnknown,
        ),
        (410, "The model 'kimi-k9' was deprecated. Use 'kimi-k10' instead.", {}, KimiModelUnknown),
        (404, "该模型 kimi-k9 已下线，请使用 kimi-k10", {}, KimiModelUnknown),
        (
            400,
            "/chat/completions: Invalid model name passed in model=kimi-k9.",
            {},
            KimiModelUnknown,
        ),  # LiteLLM
        (
            503,
            "There is no available channel for model kimi-k9",
            {},
            KimiModelUnknown,
        ),  # new-api, "no" matters
        (400, "tool_choice 'required' is not supported by this model", {}, KimiInvalidRequest),
        (400, "Invalid request: unsupported image format", {}, KimiInvalidRequest),
        (404, "404 page not found", {}, KimiEndpointMissing),
    ],
)
def test_an_error_has_its_meaning(
    status: int, message: str, members: dict[str, str], kind: type[KimiError]
) -> None:
    """Balance, moderation and unknown models are recognised, each gateway's way."""
    assert type(refused(status, message, **members)) is kind


def test_a_refused_request_does_not_blame_the_person() -> None:
    """The words are not at fault for what the host refuses."""
    assert "putting it differently" not in KimiInvalidRequest.en
    assert "换个说法" not in KimiInvalidRequest.zh
