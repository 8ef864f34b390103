"""Parses limits and waits from the texts and headers of Kimi's refusals.

The texts are those seen on the wire, since Moonshot documents none; ``Retry-After`` is documented and
often absent.
"""

import email.utils
import re
import time
from collections.abc import Mapping

from core.kimi.api_errors import Limit

_TRY_AFTER = re.compile(
    r"(?:try|retry) again (?:after|in) (\d+(?:\.\d+)?)\s*(ms|millisecond|minute|m\b)?", re.I
)
_UNITS_S = {"ms": 0.001, "millisecond": 0.001, "minute": 60.0, "m": 60.0}
_LIMIT_NAME = re.compile(r"\b(concurrency|RPM|TPM|TPD)\b", re.IGNORECASE)
_LIMIT_BY_NAME: Mapping[str, Limit] = {"concurrency": "concurrency", "rpm": "rpm", "tpm": "tpm", "tpd": "tpd"}
_MAX_REQUEST = re.compile(r"max request:", re.IGNORECASE)  # how the texts of 2024 named RPM
_VALUE = re.compile(r"\b(?:concurrency|RPM|TPM|TPD|request|limit):\s*(\d+)", re.IGNORECASE)


def parse_limit(text: str) -> tuple[Limit, int | None]:
    """Return the limit that the text of a 429 names, and its value; None without a value."""
    value = _VALUE.search(text)
    named = _LIMIT_NAME.search(text)
    unnamed: Limit = "rpm" if _MAX_REQUEST.search(text) else "unknown"
    return _LIMIT_BY_NAME[named[1].lower()] if named else unnamed, int(value[1]) if value else None


def retry_after_in_text(text: str) -> float | None:
    """Return the seconds of "try again after N seconds"; None if the text does not say so."""
    found = _TRY_AFTER.search(text)
    if found is None:
        return None
    return float(found[1]) * _UNITS_S.get((found[2] or "").lower(), 1.0)


def retry_after_in_headers(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, a number or an HTTP date; None if there is no valid one."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - time.time())
