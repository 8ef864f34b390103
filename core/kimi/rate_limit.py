"""What Kimi's refusals tell about limits and waits, in texts and in headers.

The texts are those seen on the wire (reference §5.1); ``Retry-After`` is documented and often
absent.
"""

import email.utils
import re
import time
from collections.abc import Mapping

from core.kimi.errors import Limit

_TRY_AFTER = re.compile(
    r"(?:try|retry) again (?:after|in) (\d+(?:\.\d+)?)\s*(ms|millisecond|minute|m\b)?", re.I
)
_UNITS_S = {"ms": 0.001, "millisecond": 0.001, "minute": 60.0, "m": 60.0}
_LIMIT_NAME = re.compile(r"\b(concurrency|RPM|TPM|TPD)\b", re.IGNORECASE)
_LIMIT_BY_NAME: Mapping[str, Limit] = {"concurrency": "concurrency", "rpm": "rpm", "tpm": "tpm", "tpd": "tpd"}
_MAX_REQUEST = re.compile(r"max request:", re.IGNORECASE)  # how the texts of 2024 named RPM
_VALUE = re.compile(r"\b(?:concurrency|RPM|TPM|TPD|request|limit):\s*(\d+)", re.IGNORECASE)


def parse_limit(text: str) -> tuple[Limit, int | None]:
    """Return which limit a 429's text names, and its value where it tells."""
    value = _VALUE.search(text)
    named = _LIMIT_NAME.search(text)
    unnamed: Limit = "rpm" if _MAX_REQUEST.search(text) else "unknown"
    return _LIMIT_BY_NAME[named[1].lower()] if named else unnamed, int(value[1]) if value else None


def retry_after_in_text(text: str) -> float | None:
    """Return the seconds of "try again after N seconds", None where the text has no such words."""
    told = _TRY_AFTER.search(text)
    if told is None:
        return None
    return float(told[1]) * _UNITS_S.get((told[2] or "").lower(), 1.0)


def retry_after_in_headers(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, a number or an HTTP date; None without a usable one."""
    told = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", told):
        return float(told)
    try:
        moment = email.utils.parsedate_to_datetime(told)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())
