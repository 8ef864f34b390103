from dataclasses import replace

import pytest

from bots.simulator.kimi.account import Account, Meter, Window


def test_a_window_forgets_what_is_older_than_itself() -> None:
    """What happened a whole window ago counts no more."""
    window = Window(60.0)
    window.add(3, 0.0)
    window.add(4, 30.0)

    assert [window.sum(at) for at in (30.0, 59.9, 60.0, 90.0)] == [7, 7, 4, 0]


def test_tier_zero_runs_one_request_at_a_time() -> None:
    """A second request beside a running one is refused with the limit's number."""
    meter = Meter(Account.tier(0))
    assert meter.admit(10, 0.0) is None

    refusal = meter.admit(10, 0.1)

    assert refusal is not None
    assert (refusal.status, refusal.type) == (429, "rate_limit_reached_error")
    assert "request reached max organization concurrency: 1, please try again after 1 seconds" in (
        refusal.message
    )


def test_a_released_request_makes_room() -> None:
    """The place of a finished request is free again."""
    meter = Meter(Account.tier(0))
    meter.admit(10, 0.0)
    meter.release()

    assert meter.admit(10, 0.1) is None


def test_tier_zero_takes_three_requests_a_minute() -> None:
    """The fourth request within 60 s is refused, and passes once the first is a minute old."""
    meter = Meter(replace(Account.tier(0), counts_refused=False))
    for at in (0.0, 1.0, 2.0):
        assert meter.admit(10, at) is None
        meter.release()

    refusal = meter.admit(10, 3.0)

    assert refusal is not None
    assert refusal.message == (
        "Your account org-stand-in<ak-stand-in> request reached organization max RPM: 3, "
        "please try again after 1 seconds"
    )
    assert meter.admit(10, 60.0) is None


def test_a_refused_request_counts_as_a_request() -> None:
    """Who keeps asking every second never gets through: each refusal fills the window anew."""
    meter = Meter(Account.tier(0))
    for at in range(3):
        meter.admit(10, float(at))
        meter.release()

    assert all(meter.admit(10, float(at)) is not None for at in range(3, 120))


def test_tokens_of_a_minute_count_what_was_asked_for() -> None:
    """Prompt and asked completion are summed up over a minute, whatever was really used."""
    meter = Meter(Account(tpm=1000))
    assert meter.admit(600, 0.0) is None

    refusal = meter.admit(600, 1.0)

    assert refusal is not None
    assert "TPM rate limit, current: 1200, limit: 1000" in refusal.message
    assert meter.admit(600, 60.0) is None


def test_tokens_of_a_day_are_told_without_a_hint_to_try_again() -> None:
    """The day's limit holds for a day and names no seconds."""
    meter = Meter(Account(tpd=1000))
    meter.admit(900, 0.0)

    refusal = meter.admit(200, 3600.0)

    assert refusal is not None
    assert refusal.message.endswith("TPD rate limit, current: 1100, limit: 1000")
    assert meter.admit(200, 86_400.0) is None


@pytest.mark.parametrize("cash", [0.0, -2.5])
def test_an_empty_balance_refuses_everything(cash: float) -> None:
    """Without money the answer is a quota error, which no waiting helps."""
    refusal = Meter(Account(cash=cash)).admit(1, 0.0)

    assert refusal is not None
    assert (refusal.status, refusal.type) == (429, "exceeded_current_quota_error")
    assert refusal.message.startswith("Your account is suspended due to insufficient balance")
