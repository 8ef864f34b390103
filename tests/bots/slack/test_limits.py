"""The budgets that Slack's rules become."""

import pytest

from bots.slack.limits import WINDOW_S, SlackLimits

METHODS = {
    "chat.update": 50,
    "chat.startStream": 20,
    "chat.appendStream": 100,
    "chat.stopStream": 20,
}


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("method", "window"), METHODS.items())
def test_a_bucket_never_grants_more_than_the_window(method: str, window: int, share: float) -> None:
    """Burst and a minute's refill together are at most Slack's window, at any share."""
    budget = SlackLimits(append_burst_share=share, update_burst_share=share).method_budget("T1", method)
    assert budget.key == f"slack:T1:{method}"
    assert budget.burst >= 1
    assert budget.per_s >= 0
    if budget.window_s:
        assert (budget.burst, budget.window_s) == (window, WINDOW_S)
    else:
        assert budget.burst + WINDOW_S * budget.per_s == pytest.approx(window)


def test_a_post_spends_the_channels_and_the_workspaces_budget() -> None:
    """One post a second in a channel, and a window for all of them."""
    in_channel, in_team = SlackLimits().post_budgets("T1", "C1")
    assert (in_channel.key, in_channel.per_s) == ("slack:T1:post:C1", 1.0)
    assert in_team.key == "slack:T1:chat.postMessage"


def test_rungs_name_what_each_step_spends() -> None:
    """A stream spends its three methods, an edited message a post and updates."""
    limits = SlackLimits()
    stream, edit = limits.stream_mode("T1"), limits.edit_mode("T1", "C1")
    assert [one.key for one in (*stream.create_cost, *stream.update_cost, *stream.finalize_cost)] == [
        "slack:T1:chat.startStream",
        "slack:T1:chat.appendStream",
        "slack:T1:chat.stopStream",
    ]
    assert stream.max_age_s is not None
    assert stream.max_age_s < 300
    assert {one.key for one in (*edit.update_cost, *edit.finalize_cost)} == {"slack:T1:chat.update"}
    assert edit.max_age_s is None
