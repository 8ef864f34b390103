"""Maps the finish reasons of many hosts to five.

Moonshot documents ``stop``, ``length`` and ``tool_calls``; gateways pass on the names of OpenAI, Anthropic,
Google, Zhipu and DeepSeek.
"""

from typing import Final

from core.kimi.reply import FinishReason

_LENGTH: Final = frozenset({"length", "max_tokens", "max_completion_tokens", "max_output_tokens"}) | {
    "model_length",
    "model_context_window_exceeded",
}
_STOP: Final = frozenset({"stop", "end_turn", "stop_sequence", "eos", "eos_token", "completed"})
_TOOLS: Final = frozenset({"tool_calls", "tool_call", "function_call", "tool_use"})
_FILTER: Final = frozenset({"content_filter", "content_filtered", "sensitive", "safety", "refusal"}) | {
    "recitation",
    "prohibited_content",
    "blocklist",
    "spii",
    "risk_control",
    "data_inspection_failed",
}
_FAILURE: Final = frozenset({"error", "network_error", "abort", "aborted", "cancelled", "timeout"}) | {
    "insufficient_system_resource",
    "engine_overloaded",
}


def is_failure(reason: object) -> bool:
    """Return whether a finish reason says that the host failed in the middle of the reply."""
    return isinstance(reason, str) and reason.strip().lower() in _FAILURE


def parse_finish_reason(reason: object) -> FinishReason:
    """Return the finish reason of a host as one of ours; "other" for an unknown one."""
    name = reason.strip().lower() if isinstance(reason, str) else ""
    if name in _STOP:
        return "stop"
    if name in _LENGTH:
        return "length"
    if name in _TOOLS:
        return "tool_calls"
    return "content_filter" if name in _FILTER else "other"
