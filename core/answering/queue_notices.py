"""What a person sees while there are no words yet: their place in the line, or that Kimi is busy."""

import math
from collections.abc import Callable

from core.domain.clock import Clock
from core.kimi import KimiError
from core.llm import Place
from core.text.language import Language

SHORT_S = 2.0  #: a wait that will be over this soon is not worth a word
AGAIN_S = 8.0  #: how often the time alone is told anew


class Waiting:
    """Puts what the limiter tells into passing texts, seldom enough for people to read them."""

    def __init__(self, announce: Callable[[str], None], language: Language, clock: Clock) -> None:
        self._announce = announce
        self._language: Language = language
        self._clock = clock
        self._told: Place | None = None
        self._told_at = 0.0

    def place(self, place: Place) -> None:
        """Tell the place where it has changed, and the time now and then."""
        now = self._clock.time()
        if self._told is None:
            if place.eta_s < SHORT_S or place.position == 0:
                return
        elif place.position == self._told.position and now - self._told_at < AGAIN_S:
            return
        self._told, self._told_at = place, now
        self._announce(place_text(place, self._language))

    def failed(self, _error: KimiError, _wait_s: float) -> None:
        """Tell that the question waits for a Kimi that does not answer."""
        if self._language == "zh":
            self._announce("Kimi 暂时没有回应，我会继续尝试。")
        else:
            self._announce("Kimi does not answer right now. I keep trying.")


def place_text(place: Place, language: Language) -> str:
    """Return a place in the line in words."""
    if place.position == 0:
        return "轮到你了。" if language == "zh" else "It is your turn."
    if language == "zh":
        where = "下一个就是你" if place.position == 1 else f"你排在第 {place.position} 位"
        return f"{where}，大约还要 {_time_zh(place.eta_s)}。"
    where = "next" if place.position == 1 else f"{_ordinal(place.position)} in line"
    return f"You are {where}, about {_time_en(place.eta_s)}."


def _time_zh(seconds: float) -> str:
    number, unit = _rounded(seconds)
    return f"{number} {({'s': '秒', 'min': '分钟', 'h': '小时'})[unit]}"


def _time_en(seconds: float) -> str:
    number, unit = _rounded(seconds)
    return f"{number} {unit}"


def _rounded(seconds: float) -> tuple[int, str]:
    """Return a time as people say it; rather too long than too short."""
    if seconds <= 90:
        return max(5, math.ceil(seconds / 5) * 5), "s"
    if seconds <= 90 * 60:
        return math.ceil(seconds / 60), "min"
    return math.ceil(seconds / 3600), "h"


def _ordinal(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else suffix}"
