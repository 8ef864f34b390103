"""Decides which alerts are active, from figures that were collected. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.domain.turn_states import ANSWERED_BY_KIMI, KimiFailure, TurnOutcome

FAILURES_OF_OUTAGE: Final = 3  #: questions in a row without an answer
BALANCE_CODES: Final = frozenset({"quota_exhausted"})
KEY_CODES: Final = frozenset({"authentication", "permission"})
MIN_FREE_SHARE: Final = 0.05  #: of a disk; together with :data:`MIN_FREE_BYTES`
MIN_FREE_BYTES: Final = 1_000_000_000
RELIEF: Final = 1.2  #: how much more must be free until a full disk counts as mended


class AlertKind(StrEnum):
    """What admins must act on."""

    KIMI_DOWN = "kimi_down"  #: Kimi does not answer
    KIMI_BALANCE = "kimi_balance"  #: the account's balance is used up
    KIMI_KEY = "kimi_key"  #: the key is refused
    PLATFORM_REFUSAL = "platform_refusal"  #: a platform refuses the bot's token
    BUDGET = "budget"  #: a day's tokens or questions of a tenant, chat or person are used up
    DISK = "disk"  #: the disk is nearly full


SOME_PEOPLE: Final = "people"
"""Stands in the subject of a budget's alert for people, who are not named."""

KIMI_KINDS: Final = frozenset({AlertKind.KIMI_DOWN, AlertKind.KIMI_BALANCE, AlertKind.KIMI_KEY})


@dataclass(frozen=True, slots=True, order=True)
class Alert:
    """One alert."""

    kind: AlertKind
    subject: str = ""
    """The platform, tenant or chat that it is about; for a budget with its setting, after a blank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """What alerts are decided by."""

    outcomes: Sequence[TurnOutcome] = ()  #: of the latest questions that Kimi was asked, the newest first
    kimi_is_down: bool = False  #: no provider answers, as far as this process has asked
    refused_platforms: frozenset[str] = frozenset()
    spent_budgets: frozenset[str] = frozenset()
    disk_free_bytes: int | None = None  #: None if it cannot be told
    disk_total_bytes: int = 0


def active_alerts(before: frozenset[Alert], seen: Observations) -> frozenset[Alert]:
    """Return the alerts that are active now; without a new answer or failure those of Kimi stay."""
    alerts = {
        *_kimi_alerts(before, seen),
        *(Alert(AlertKind.PLATFORM_REFUSAL, name) for name in seen.refused_platforms),
        *(Alert(AlertKind.BUDGET, name) for name in seen.spent_budgets),
    }
    if _is_disk_full(seen, was_full=Alert(AlertKind.DISK) in before):
        alerts.add(Alert(AlertKind.DISK))
    return frozenset(alerts)


def _kimi_alerts(before: frozenset[Alert], seen: Observations) -> frozenset[Alert]:
    """Return the alerts about Kimi, by the latest answer or failure."""
    known = [one for one in seen.outcomes if one in ANSWERED_BY_KIMI or isinstance(one, KimiFailure)]
    if known and known[0] in ANSWERED_BY_KIMI:
        return frozenset()
    streak = 0
    while streak < len(known) and isinstance(known[streak], KimiFailure):
        streak += 1
    code = known[0].code if known and isinstance(known[0], KimiFailure) else ""
    if code in BALANCE_CODES:
        return frozenset({Alert(AlertKind.KIMI_BALANCE)})
    if code in KEY_CODES:
        return frozenset({Alert(AlertKind.KIMI_KEY)})
    if seen.kimi_is_down or streak >= FAILURES_OF_OUTAGE:
        return frozenset({Alert(AlertKind.KIMI_DOWN)})
    return frozenset(one for one in before if one.kind in KIMI_KINDS)


def _is_disk_full(seen: Observations, *, was_full: bool) -> bool:
    if seen.disk_free_bytes is None or not seen.disk_total_bytes:
        return False
    factor = RELIEF if was_full else 1.0
    share = seen.disk_free_bytes / seen.disk_total_bytes
    return share < MIN_FREE_SHARE * factor and seen.disk_free_bytes < MIN_FREE_BYTES * factor
