"""Token ratios are learnt per model and survive a restart."""

import pytest

from core.prompting.token_ratio import TokenRatios
from core.store import Database

pytestmark = pytest.mark.virtual_time


async def test_a_model_begins_with_the_estimate(virtual_database: Database) -> None:
    """Nothing learnt means a ratio of one."""
    assert await TokenRatios(virtual_database).get("m") == 1.0


async def test_answers_move_the_ratio_slowly(virtual_database: Database) -> None:
    """One outlier changes little; the ratio of each model is its own."""
    ratios = TokenRatios(virtual_database)
    await ratios.update_from_usage("m", estimated=100, counted=150)
    assert await ratios.get("m") == pytest.approx(1.1)
    assert await ratios.get("other") == 1.0


async def test_a_higher_count_applies_at_once(virtual_database: Database) -> None:
    """A prompt that is too long fails, one that is too short does not: caution goes one way."""
    ratios = TokenRatios(virtual_database)
    await ratios.update_from_count("m", 1.5)
    assert await ratios.get("m") == 1.5
    await ratios.update_from_count("m", 1.0)
    assert await ratios.get("m") == pytest.approx(1.4)


async def test_a_ratio_survives_a_restart(virtual_database: Database) -> None:
    """It is stored when it changes by more than two hundredths."""
    ratios = TokenRatios(virtual_database)
    await ratios.update_from_usage("m", estimated=100, counted=200)
    await ratios.update_from_usage("n", estimated=1_000, counted=1_001)
    restarted = TokenRatios(virtual_database)
    assert await restarted.get("m") == pytest.approx(1.2)
    assert await restarted.get("n") == 1.0
