"""Tiers are the stand-in's tiers, and single numbers go before them."""

import pytest

from bots.simulator.kimi import Account
from core.llm import TIERS, AccountLimits, build_limits


@pytest.mark.parametrize("tier", range(6))
def test_the_presets_are_what_kimi_grants(tier: int) -> None:
    """Our table and the stand-in's say the same of each tier."""
    account = Account.tier(tier)
    assert TIERS[tier] == AccountLimits(
        concurrency=account.concurrency, rpm=account.rpm, tpm=account.tpm, tpd=account.tpd
    )


def test_single_numbers_go_before_the_tier() -> None:
    """What is set by itself holds, the rest is the tier's; without either nothing is known."""
    assert build_limits(0, rpm=5) == AccountLimits(concurrency=1, rpm=5, tpm=500_000, tpd=1_500_000)
    assert build_limits(concurrency=2) == AccountLimits(concurrency=2)
    assert build_limits() == AccountLimits()
