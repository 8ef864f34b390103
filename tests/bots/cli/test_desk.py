"""``moonthread desk stats``."""

from datetime import UTC, datetime

from bots.cli.desk import table_row
from core.domain.handoff_state import HandoffReason, HandoffState
from core.store.ratings import HandoffOutcome


def outcome(
    response_s: float | None, resolution_s: float | None, stars: int | None, state: HandoffState
) -> HandoffOutcome:
    """One handover."""
    return HandoffOutcome(
        reason=HandoffReason.CUSTOMER,
        state=state,
        assignee="Lin",
        response_s=response_s,
        resolution_s=resolution_s,
        stars=stars,
        requested_at=datetime(2026, 11, 30, tzinfo=UTC),
    )


def test_a_line_tells_medians_in_minutes_and_the_mean_rating() -> None:
    """Handovers without an answer, an end or a rating count as such and spoil no figure."""
    found = [
        outcome(60.0, 600.0, 5, HandoffState.CLOSED),
        outcome(120.0, 1200.0, 4, HandoffState.CLOSED),
        outcome(None, None, None, HandoffState.WAITING),
    ]
    assert table_row("Lin", found) == ["Lin", "3", "2", "2.0", "2.0", "20.0", "2", "4.5", "2"]


def test_a_line_without_anything_tells_dashes() -> None:
    """Nobody was helped yet."""
    assert table_row("total", []) == ["total", "0", "0", "-", "-", "-", "0", "-", "0"]
