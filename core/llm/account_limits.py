"""What Kimi grants an account, by tier; and how long the limiter itself waits for things.

Tiers of September 2026 (platform.kimi.com/docs/pricing/limits). Limits belong to the organisation:
all its keys and all models share them. The gateway counts prompt tokens plus the requested
``max_completion_tokens`` whatever the reply's real length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

Dimension: TypeAlias = Literal["concurrency", "rpm", "tpm", "tpd"]

DIMENSIONS: tuple[Dimension, ...] = ("concurrency", "rpm", "tpm", "tpd")
MINUTE_S = 60.0
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLimits:
    """The four limits; None where one is not known (it counts as open until Kimi tells it)."""

    concurrency: int | None = None  #: requests at once
    rpm: int | None = None  #: requests in any 60 s
    tpm: int | None = None  #: tokens in any 60 s
    tpd: int | None = None  #: tokens in any 24 h

    def get(self, dimension: Dimension) -> int | None:
        """Return the limit in one dimension."""
        match dimension:
            case "concurrency":
                return self.concurrency
            case "rpm":
                return self.rpm
            case "tpm":
                return self.tpm
            case "tpd":
                return self.tpd


#: Presets by cumulative top-up; without a daily limit from tier 1 on.
TIERS: Mapping[int, AccountLimits] = MappingProxyType(
    {
        0: AccountLimits(concurrency=1, rpm=3, tpm=500_000, tpd=1_500_000),
        1: AccountLimits(concurrency=15, rpm=100, tpm=2_000_000),
        2: AccountLimits(concurrency=40, rpm=100, tpm=3_000_000),
        3: AccountLimits(concurrency=50, rpm=200, tpm=3_000_000),
        4: AccountLimits(concurrency=60, rpm=200, tpm=4_000_000),
        5: AccountLimits(concurrency=100, rpm=300, tpm=5_000_000),
    }
)


def build_limits(
    tier: int | None = None,
    *,
    concurrency: int | None = None,
    rpm: int | None = None,
    tpm: int | None = None,
    tpd: int | None = None,
) -> AccountLimits:
    """Return a tier's preset (None: nothing known) with single numbers set over it.

    Raises:
        KeyError: there is no such tier.
    """
    preset = AccountLimits() if tier is None else TIERS[tier]
    return AccountLimits(
        concurrency=preset.concurrency if concurrency is None else concurrency,
        rpm=preset.rpm if rpm is None else rpm,
        tpm=preset.tpm if tpm is None else tpm,
        tpd=preset.tpd if tpd is None else tpd,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterTiming:
    """How long the limiter waits for things. The same in every replica of one account."""

    lease_s: float = 30.0  #: a running request holds its place this long without being renewed
    max_transit_s: float = 5.0
    """A request arrives at Kimi within this time after it was let go. Until it is known to have
    arrived it counts as if it arrived just now, so that a slow wire never breaks a window."""
    abort_linger_s: float = 1.0  #: a request that was broken off holds its place at Kimi so much longer
    replica_ttl_s: float = 3.0  #: a replica that was not heard of for so long has nobody in the line
    heartbeat_s: float = 1.0  #: how often a replica with people in the line is heard of
    poll_s: float = 0.25  #: how often it looks whether another one changed something
    store_retry_deadline_s: float = 10.0  #: how long a database that fails is tried before people are told
    pause_first_s: float = 1.0  #: the pause after a 429 that our own count does not explain
    pause_max_s: float = 60.0  #: it doubles up to this
    quota_probe_first_s: float = 60.0  #: after an empty balance, until one request tries again
    quota_probe_max_s: float = 600.0
    day_probe_first_s: float = 600.0  #: the same after the daily limit
    day_probe_max_s: float = 3600.0
    observed_limit_ttl_s: float = (
        7 * DAY_S
    )  #: a learnt limit is forgotten after this: the tier may have risen
