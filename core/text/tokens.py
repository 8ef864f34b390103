"""Token estimates by script, without a tokenizer, calibrated by the token counts that Kimi returns."""

import math

from core.text.language import CJK_RUN

CJK_TOKENS = 0.7  #: tokens of one Chinese character, rounded up
OTHER_TOKENS = 0.28  #: tokens of one other character
MESSAGE_TOKENS = 6  #: tokens of one message's role and separators
MEDIA_TOKENS = 1_024  #: tokens of one picture or video, says Moonshot's help center
RESERVATION_FACTOR = 1.3  #: reserved tokens of a prompt, relative to the estimate
LEARNING_RATE = 0.2  #: weight of the newest measurement
MIN_RATIO, MAX_RATIO = 0.5, 3.0  #: measurements are clamped to this range


def estimate_tokens(text: str) -> int:
    """Return the estimated tokens of ``text``; at least 1."""
    cjk = sum(map(len, CJK_RUN.findall(text))) if not text.isascii() else 0
    return max(1, math.ceil(cjk * CJK_TOKENS + (len(text) - cjk) * OTHER_TOKENS))


def update_ratio(ratio: float, *, estimated: int, counted: int) -> float:
    """Return the ratio of counted to estimated tokens after one more call.

    Args:
        ratio: the ratio before the call.
        estimated: tokens of the whole prompt by :func:`estimate_tokens`.
        counted: ``usage.prompt_tokens`` of Kimi's response.
    """
    if estimated <= 0 or counted <= 0:
        return ratio
    measured = min(MAX_RATIO, max(MIN_RATIO, counted / estimated))
    return ratio + LEARNING_RATE * (measured - ratio)
