"""Other spellings of days, dates and times, in those that the parser of business hours reads. Pure.

Everything here is a replacement in a text that is in lower case and normalized (NFKC).
"""

import re
from collections.abc import Callable
from typing import Final

from core.chat_policy.opening_hours import DAYS

MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = f"(?:{'|'.join(MONTHS)})[a-z]*\\.?"
_TRADITIONAL = str.maketrans("週禮點時號間從後無", "周礼点时号间从后无")
_DIGITS: Final = {word: number for number, word in enumerate("零一二三四五六七八九十")} | {"两": 2, "〇": 0}
_HOLIDAYS: Final = "元旦|五一|劳动|国庆|十一|圣诞|春节|清明|端午|中秋"  #: their days are written behind them
_MAX_DAY, _MAX_MONTH = 31, 12


def respell(text: str) -> str:
    """Return hours with other spellings replaced."""
    text = text.translate(_TRADITIONAL)
    for pattern, replacement in _REPLACEMENTS:
        text = pattern.sub(replacement, text)
    return text


def _number_of(chinese: str) -> int:
    """Return the value of a Chinese number up to 99."""
    tens, ten, ones = chinese.rpartition("十")
    if not ten:
        return _DIGITS.get(chinese[-1:], 0)
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)


def _chinese_hour(found: re.Match[str]) -> str:
    return str(_number_of(found[0]))


def _day_of_week(found: re.Match[str]) -> str:
    return f"周{'一二三四五六日'[int(found[1]) - 1]}"


def _european_date(found: re.Match[str]) -> str:
    """Return "24.12.2026", "24.12." or "24/12/2026" as an ISO date, and any other text unchanged."""
    day, month, year = int(found["day"]), int(found["month"]), found["year"]
    if "/" in found[0] and day <= _MAX_MONTH:
        return found[0]  # it may be an American one
    if not (1 <= day <= _MAX_DAY and 1 <= month <= _MAX_MONTH):
        return found[0]
    return f"{year}-{month:02d}-{day:02d} " if year else f"{month:02d}-{day:02d} "


_Replacement = str | Callable[[re.Match[str]], str]
_REPLACEMENTS: Final[tuple[tuple[re.Pattern[str], _Replacement], ...]] = (
    (re.compile(r"\bm\s?-\s?f\b"), f"{DAYS[0]}-{DAYS[4]}"),
    (re.compile(r"\b(?:business|working) days\b"), "weekdays"),
    (re.compile(r"\b(?:7|seven) days(?: a week)?\b|全年无休|全年|周一到周日"), "daily"),
    (re.compile(r"\balways\b|\b24\s?x\s?7\b"), "24/7"),
    (re.compile(r"(?:周|星期|礼拜)([1-7])(?!\d|[点:])"), _day_of_week),
    (re.compile(r"(?<=点)半"), "30"),
    (re.compile(r"(?<=点)整"), ""),
    (re.compile(r"[零一二两三四五六七八九十]{1,3}(?=点)"), _chinese_hour),
    (re.compile(r"\b(?:noon|midday)\b"), "12:00"),
    (re.compile(r"\bmidnight\b(?=\s*(?:-|–|to|till|until))"), "00:00"),
    (re.compile(r"\bmidnight\b"), "24:00"),
    (re.compile(r"(?<![\d.])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.\s?(?P<year>\d{4})?"), _european_date),
    (re.compile(r"(?<![\d/])(?P<day>\d{1,2})/(?P<month>\d{1,2})/(?P<year>\d{4})"), _european_date),
    (re.compile(rf"(?<![\d:.])(\d{{1,2}})\s?[-–]\s?(\d{{1,2}})\.?\s+({_MONTH})(?![a-z])"), r"\3 \1 - \3 \2"),
    (re.compile(rf"(?<![a-z])({_MONTH})\s+(\d{{1,2}})\s?[-–]\s?(\d{{1,2}})(?![\d:.])"), r"\1 \2 - \1 \3"),
    (re.compile(rf"(?:{_HOLIDAYS})节?(?:假期)?\s*(?=\d)"), ""),
    (
        re.compile(r"(?<![^,;、。]) ?(?:closed|except|off)(?: on)? ([^,;]*\d)(?=\s*(?:[,;]|$))"),
        r"\1 closed",
    ),
)
