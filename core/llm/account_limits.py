"""The limits that Kimi grants an account, by tier, and the timing of the limiter.

Tiers of September 2026 (https://platform.kimi.com/docs/pricing/limits). Limits belong to the
organisation: all its keys and all models share them. Moonshot's gateway counts prompt tokens plus the
requested ``max_completion_tokens``, whatever the real length of the reply.
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
    """The four limits; None if one is unknown, which leaves it open until a refusal names it."""

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


#: Limits of each tier (by cumulative top-up); from tier 1 on there is no daily limit.
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
    """Return the limits of a tier (None: all unknown), with the given numbers in their place.

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
    """Timing of the limiter, the same in every replica of one account."""

    lease_s: float = 30.0  #: a running request keeps its place this long without renewal
    max_transit_s: float = 5.0
    """A request arrives at Kimi within this time after it was granted. Until it is known to have
    arrived it counts as if it arrived just now, so that a slow network never breaks a window."""
    abort_linger_s: float = 1.0  #: an aborted request keeps its place at Kimi this much longer
    replica_ttl_s: float = 3.0  #: a replica that is silent for so long has no request in the queue
    heartbeat_s: float = 1.0  #: between two reports of a replica with waiting requests
    poll_s: float = 0.25  #: between two looks for changes by other replicas
    store_retry_deadline_s: float = 10.0  #: a failing store is retried so long before requests fail
    pause_first_s: float = 1.0  #: pause after a 429 that our own count does not explain
    pause_max_s: float = 60.0  #: it doubles up to this
    quota_probe_first_s: float = 60.0  #: after an empty balance, until one request tries again
    quota_probe_max_s: float = 600.0
    day_probe_first_s: float = 600.0  #: the same after the daily limit
    day_probe_max_s: float = 3600.0
    observed_limit_ttl_s: float = 7 * DAY_S  #: then it is forgotten: the tier may have risen
