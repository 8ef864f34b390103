"""An account's key, balance and limits. Pure: time comes in as a number.

Tiers and texts: Moonshot's rate limit tiers of September 2026 and the 429 bodies that people
saw on the wire. Limits belong to the organisation, are shared by all models, and count prompt
tokens plus the completion tokens that were asked for, whatever the reply needs in the end.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bots.simulator.kimi.models import SERVED, ModelCard
from bots.simulator.kimi.refusal import NO_BALANCE, Refusal

MINUTE_S = 60.0
DAY_S = 86_400.0
_HINT = "please try again after 1 seconds"  # the real hint, too short for the minute's windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one organisation may do. The default is generous (tier 5)."""

    keys: frozenset[str] = frozenset({"sk-test"})
    concurrency: int = 100
    rpm: int = 300  #: requests in any 60 s
    tpm: int = 5_000_000  #: tokens in any 60 s
    tpd: int | None = None  #: tokens in any 24 h; None: no such limit
    cash: float = 100.0  #: may be negative
    voucher: float = 0.0
    organization: str = "org-stand-in"
    access_key: str = "ak-stand-in"
    tier_number: int = 5
    counts_refused: bool = True  #: a request refused for a limit still counts as a request
    models: Mapping[str, ModelCard] = field(default_factory=lambda: SERVED, hash=False)  #: by id

    @classmethod
    def tier(cls, number: int) -> Self:
        """Return the preset of one tier, 0 to 5.

        Raises:
            KeyError: there is no such tier.
        """
        concurrency, rpm, tpm, tpd = _TIERS[number]
        return cls(concurrency=concurrency, rpm=rpm, tpm=tpm, tpd=tpd, tier_number=number)

    @classmethod
    def unlimited(cls) -> Self:
        """Return an account that never meets a limit, for measurements."""
        return cls(concurrency=10**9, rpm=10**9, tpm=10**15)

    @property
    def balance(self) -> float:
        """What is left to spend, in the currency of the region."""
        return self.cash + self.voucher


_TIERS: dict[int, tuple[int, int, int, int | None]] = {
    0: (1, 3, 500_000, 1_500_000),
    1: (15, 100, 2_000_000, None),
    2: (40, 100, 3_000_000, None),
    3: (50, 200, 3_000_000, None),
    4: (60, 200, 4_000_000, None),
    5: (100, 300, 5_000_000, None),
}


ROUNDING_S = 1e-6  #: what two floats that mean one instant may differ by


@dataclass(slots=True)
class Window:
    """A sliding window that sums what happened within its length."""

    length_s: float
    total: int = 0
    _entries: deque[tuple[float, int]] = field(default_factory=deque)

    def add(self, amount: int, now_s: float) -> None:
        """Count ``amount`` at ``now_s``."""
        self._entries.append((now_s, amount))
        self.total += amount

    def sum(self, now_s: float) -> int:
        """Return the sum of what is not older than the window."""
        while self._entries and self._entries[0][0] <= now_s - self.length_s + ROUNDING_S:
            self.total -= self._entries.popleft()[1]
        return self.total


@dataclass(slots=True)
class Meter:
    """Admits requests of one account; every admitted one must be released at its end."""

    account: Account
    running: int = 0
    _requests: Window = field(default_factory=lambda: Window(MINUTE_S))
    _minute: Window = field(default_factory=lambda: Window(MINUTE_S))
    _day: Window = field(default_factory=lambda: Window(DAY_S))

    def admit(self, tokens: int, now_s: float) -> Refusal | None:
        """Count one request of ``tokens`` and return None, or say why it is refused.

        An admitted request holds a place until it is released once.
        """
        refusal = self._refusal(tokens, now_s)
        if refusal is None:
            self.running += 1
            self._minute.add(tokens, now_s)
            self._day.add(tokens, now_s)
        if refusal is None or self.account.counts_refused:
            self._requests.add(1, now_s)
        return refusal

    def release(self) -> None:
        """Give the place of one admitted request back."""
        self.running -= 1

    def _refusal(self, tokens: int, now_s: float) -> Refusal | None:
        account = self.account
        who = f"Your account {account.organization}<{account.access_key}> request"
        if account.balance <= 0:
            return NO_BALANCE
        if self.running >= account.concurrency:
            return _limited(f"{who} reached max organization concurrency: {account.concurrency}, {_HINT}")
        if self._requests.sum(now_s) >= account.rpm:
            return _limited(f"{who} reached organization max RPM: {account.rpm}, {_HINT}")
        minute = self._minute.sum(now_s) + tokens
        if minute > account.tpm:
            text = f"{who} reached organization TPM rate limit, current: {minute}, limit: {account.tpm}"
            return _limited(f"{text}, {_HINT}")
        day = self._day.sum(now_s) + tokens
        if account.tpd is not None and day > account.tpd:
            return _limited(
                f"{who} reached organization TPD rate limit, current: {day}, limit: {account.tpd}"
            )
        return None


def _limited(message: str) -> Refusal:
    return Refusal(status=429, type="rate_limit_reached_error", message=message)
