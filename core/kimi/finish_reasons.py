"""Maps the finish reasons of many hosts to five.

Moonshot documents ``stop``, ``length`` and ``tool_calls``; gateways pass on the names of OpenAI, Anthropic,
Google, Zhipu and DeepSeek.
"""

from typing import Final

from core.kimi.reply import FinishReason

_LENGTH: Final = frozenset({"length", "max_tokens", "max_completion_tokens", "max_output_tokens"}) | {
    "model_length",
    "model_context_window_exceeded",
    "max_length",
    "token_limit",
    "length_capped",
}
_STOP: Final = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token", "completed"}) | {
    "complete",  # Cohere
    "end",
    "finished",
}
_TOOLS: Final = frozenset({"tool_calls", "tool_call", "function_call", "tool_use"})
_FILTER: Final = frozenset({"content_filter", "content_filtered", "sensitive", "safety", "refusal"}) | {
    "recitation",
    "prohibited_content",
    "blocklist",
    "spii",
    "risk_control",
    "data_inspection_failed",
    "guardrail_intervened",  # Bedrock
    "error_toxic",  # Cohere
    "image_safety",
    "language",
    "content_moderation",
    "policy_violation",
}
_FAILURE: Final = frozenset({"error", "network_error", "abort", "aborted", "cancelled", "timeout"}) | {
    "insufficient_system_resource",
    "engine_overloaded",
    "malformed_function_call",  # Google
    "unexpected_tool_call",
    "server_error",
    "internal_error",
    "overloaded",
}


def is_failure(reason: object) -> bool:
    """Return whether a finish reason says that the host failed in the middle of the reply."""
    return _plain(reason) in _FAILURE


def parse_finish_reason(reason: object) -> FinishReason:
    """Return the finish reason of a host as one of ours; "other" for an unknown one."""
    name = _plain(reason)
    if name in _STOP:
        return "stop"
    if name in _LENGTH:
        return "length"
    if name in _TOOLS:
        return "tool_calls"
    return "content_filter" if name in _FILTER else "other"


def _plain(reason: object) -> str:
    """Return a reason's name however it is written ("FINISH_REASON_STOP", "max-tokens"); "" for none."""
    if not isinstance(reason, str):
        return ""
    return reason.strip().lower().replace("-", "_").removeprefix("finish_reason_")
