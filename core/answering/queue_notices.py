"""Texts that a person sees before the answer begins: the position in the queue, or that Kimi is busy."""

import math
from collections.abc import Callable
from typing import Final

from core.domain.clock import Clock
from core.kimi import KimiError
from core.ports.chat_model import QueuePosition
from core.text.language import Language

MIN_ETA_S: Final = 2.0  #: a shorter wait is not shown
REPEAT_AFTER_S: Final = 8.0  #: how often the estimated time is updated if the position stays


class QueueNotice:
    """Shows the limiter's and the gateway's news as placeholders, slowly enough to read."""

    def __init__(self, show_placeholder: Callable[[str], None], language: Language, clock: Clock) -> None:
        self._show_placeholder = show_placeholder
        self._language: Language = language
        self._clock = clock
        self._shown: QueuePosition | None = None
        self._shown_at = 0.0

    def on_queue_position(self, queue_position: QueuePosition) -> None:
        """Show the position if it has changed, or if the shown time is old."""
        now = self._clock.time()
        if self._shown is None:
            if queue_position.eta_s < MIN_ETA_S or queue_position.position == 0:
                return
        elif queue_position.position == self._shown.position and now - self._shown_at < REPEAT_AFTER_S:
            return
        self._shown, self._shown_at = queue_position, now
        self._show_placeholder(queue_position_text(queue_position, self._language))

    def on_retry(self, _error: KimiError, _wait_s: float) -> None:
        """Show that Kimi does not answer and is tried again."""
        if self._language == "zh":
            self._show_placeholder("Kimi 暂时没有回应，我会继续尝试。")
        else:
            self._show_placeholder("Kimi does not answer right now. I keep trying.")


def queue_position_text(queue_position: QueuePosition, language: Language) -> str:
    """Return the text for a position in the queue."""
    if queue_position.position == 0:
        return "轮到你了。" if language == "zh" else "It is your turn."
    if language == "zh":
        where = "下一个就是你" if queue_position.position == 1 else f"你排在第 {queue_position.position} 位"
        return f"{where}，大约还要 {_duration_zh(queue_position.eta_s)}。"
    where = "next" if queue_position.position == 1 else f"{_ordinal(queue_position.position)} in line"
    return f"You are {where}, about {_duration_en(queue_position.eta_s)}."


def _duration_zh(seconds: float) -> str:
    number, unit = _round_duration(seconds)
    return f"{number} {({'s': '秒', 'min': '分钟', 'h': '小时'})[unit]}"


def _duration_en(seconds: float) -> str:
    number, unit = _round_duration(seconds)
    return f"{number} {unit}"


def _round_duration(seconds: float) -> tuple[int, str]:
    """Return a duration and its unit as people say it, rounded up."""
    if seconds <= 90:
        return max(5, math.ceil(seconds / 5) * 5), "s"
    if seconds <= 90 * 60:
        return math.ceil(seconds / 60), "min"
    return math.ceil(seconds / 3600), "h"


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else suffix}"
