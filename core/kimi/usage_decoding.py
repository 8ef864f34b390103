"""Decodes the ``usage`` member of a response."""

from typing import Any

from core.kimi.reply import Usage


def parse_usage(value: object) -> Usage | None:
    """Return the usage that a ``usage`` member gives; None if it has no numbers."""
    if not isinstance(value, dict) or ("prompt_tokens" not in value and "completion_tokens" not in value):
        return None
    return Usage(
        prompt_tokens=_token_count(value.get("prompt_tokens")),
        completion_tokens=_token_count(value.get("completion_tokens")),
        cached_tokens=_token_count(value.get("cached_tokens"))
        or _token_count(_nested(value, "prompt_tokens_details", "cached_tokens")),
        reasoning_tokens=_token_count(_nested(value, "completion_tokens_details", "reasoning_tokens")),
    )


def _nested(value: dict[str, Any], outer: str, inner: str) -> object:
    details = value.get(outer)
    return details.get(inner) if isinstance(details, dict) else None


def _token_count(number: object) -> int:
    return number if isinstance(number, int) and number >= 0 else 0
