"""Who answers, and what each change brings."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from core.domain.handoff_state import (
    ACTIVE,
    HandoffAction,
    HandoffEffect,
    HandoffState,
    initial_transition,
    transition,
)

STEPS = [
    HandoffAction.REQUEST,
    HandoffAction.ASSIGN,
    HandoffAction.REPLY,
    HandoffAction.RETURN_TO_BOT,
    HandoffAction.CLOSE,
]


def test_asking_silences_the_bot_and_tells_both_sides() -> None:
    """A handover begins waiting, with a card for the desk and a word for the customer."""
    change = initial_transition(HandoffAction.REQUEST)
    assert change.after is HandoffState.WAITING
    assert set(change.effects) == {
        HandoffEffect.SILENCE_BOT,
        HandoffEffect.UPDATE_TICKET,
        HandoffEffect.NOTIFY_CUSTOMER,
    }


@pytest.mark.parametrize("action", STEPS)
@pytest.mark.parametrize("state", [HandoffState.BOT, HandoffState.CLOSED])
def test_nothing_changes_an_ended_handover(state: HandoffState, action: HandoffAction) -> None:
    """Whatever is done after the end does nothing, so that two closings are one."""
    assert transition(state, action) is None


@pytest.mark.parametrize("state", sorted(ACTIVE))
@pytest.mark.parametrize("action", STEPS)
def test_every_end_is_told_and_every_state_is_reachable(state: HandoffState, action: HandoffAction) -> None:
    """A change out of people's hands tells the customer, and every action has an outcome."""
    change = transition(state, action)
    assert change is not None
    if change.after not in ACTIVE:
        assert {HandoffEffect.NOTIFY_CUSTOMER, HandoffEffect.UPDATE_TICKET, HandoffEffect.CLOSE_TOPIC} == set(
            change.effects
        )


@given(some.lists(some.sampled_from(STEPS), max_size=12))
def test_a_handover_ends_at_most_once(actions: list[HandoffAction]) -> None:
    """However often people press whatever, the customer is told of one end at the most."""
    state, ends = initial_transition(HandoffAction.REQUEST).after, 0
    for action in actions:
        change = transition(state, action)
        if change is None:
            continue
        state = change.after
        ends += state not in ACTIVE
    assert ends <= 1
