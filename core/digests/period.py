"""The period of a digest as people write it: ``200``, ``today``, ``since yesterday``, ``3 days``. Pure."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from typing import Final

MAX_MESSAGES: Final = 1_000  #: messages of one digest
MAX_AGE: Final = timedelta(days=31)  #: of what a digest is about
DEFAULT_AGE: Final = timedelta(hours=24)
_TODAY: Final = frozenset({"today", "今天", "今日"})
_YESTERDAY: Final = frozenset({"yesterday", "昨天", "昨日"})
_OWN: Final = frozenset(
    {
        "i was here",
        "i was last here",
        "i was away",
        "i left",
        "my last message",
        "last time",
        "我上次发言",
        "我上次在",
        "我离开",
        "我不在",
        "上次",
    }
)
_UNITS: Final = {
    "m": 1,
    "h": 60,
    "d": 24 * 60,
    "w": 7 * 24 * 60,
    "分": 1,
    "小": 60,
    "天": 24 * 60,
    "周": 7 * 24 * 60,
}
_AGE = re.compile(r"(\d{1,5})\s?(m|min|minutes?|h|hours?|d|days?|w|weeks?|分钟|小时|天|周)")
_COUNT = re.compile(r"(\d{1,6})\s?(?:messages?|条|条消息)?")
_SINCE = re.compile(r"(?:since|the last|last|past|从|自从?|最近|过去)\s*")
_SINCE_END = re.compile(r"\s*(?:以来|之后|以后|开始|起|ago|的?时候)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestPeriod:
    """The messages that a digest is about: by number, by time, or since the asker's own last one."""

    count: int = MAX_MESSAGES  #: at most so many of the newest
    since: datetime | None = None  #: the oldest; None for as many as ``count``
    since_own: bool = False  #: those after the asker's last message


def parse_period(argument: str, *, now: datetime, zone: tzinfo) -> DigestPeriod | None:
    """Return the period that a person wrote; None if it is none.

    Args:
        argument: of the command; "" is the last 24 hours.
        now: when it was written.
        zone: in which days begin.
    """
    plain = " ".join(unicodedata.normalize("NFKC", argument).casefold().split()).strip(" .。!?！？")
    if not plain:
        return DigestPeriod(since=now - DEFAULT_AGE)
    if (count := _COUNT.fullmatch(plain)) is not None:
        return DigestPeriod(count=min(MAX_MESSAGES, int(count[1]))) if int(count[1]) else None
    words = _SINCE_END.sub("", _SINCE.sub("", plain, count=1))
    if (count := _COUNT.fullmatch(words)) is not None and int(count[1]):
        return DigestPeriod(count=min(MAX_MESSAGES, int(count[1])))
    if words in _OWN:
        return DigestPeriod(since_own=True)
    since = _moment(words, now, zone)
    return None if since is None else DigestPeriod(since=max(since, now - MAX_AGE))


def _moment(words: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the beginning of a period; None if the words name none."""
    today = datetime.combine(now.astimezone(zone).date(), time(), zone)
    if words in _TODAY:
        return today
    if words in _YESTERDAY:
        return datetime.combine(today.date() - timedelta(days=1), time(), zone)
    if (age := _AGE.fullmatch(words)) is not None and int(age[1]):
        return now - min(MAX_AGE, timedelta(minutes=int(age[1]) * _UNITS[age[2][0]]))
    try:
        moment = datetime.fromisoformat(words.upper())
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    return moment if moment < now else None
