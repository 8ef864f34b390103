"""How fast one person may ask, decided without a clock."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.access.flood_limits import (
    DUPLICATE_WINDOW_S,
    FLOOD_WINDOW_S,
    GROUP_COMMANDS_PER_MINUTE,
    PAUSE_S,
    FloodCounter,
    FloodDecision,
    FloodLimits,
    check_flood,
    check_request,
)

LIMITS = FloodLimits(questions_per_minute=3, duplicates_per_10_min=2)


def verdicts(limits: FloodLimits, asked: list[tuple[float, str]]) -> list[FloodDecision]:
    """What becomes of questions, each as (when, what)."""
    pace, found = FloodCounter(), list[FloodDecision]()
    for now, mark in asked:
        pace, verdict = check_flood(pace, limits, now=now, fingerprint=mark)
        found.append(verdict)
    return found


def test_a_flood_is_told_once_and_ends() -> None:
    """The fourth within a minute is told, the rest of the pause is silent, then it goes on."""
    asked = [(float(at), f"{at}") for at in (0, 1, 2, 3, 4, 50, 3 + PAUSE_S, 4 + PAUSE_S)]
    assert verdicts(LIMITS, asked) == [
        *[FloodDecision.ALLOW] * 3,
        FloodDecision.FLOOD,
        *[FloodDecision.DROP] * 2,
        *[FloodDecision.ALLOW] * 2,
    ]


def test_the_same_words_are_told_once() -> None:
    """The third of the same is told, further ones are silent, other words pass."""
    at = FLOOD_WINDOW_S
    asked = [(0, "a"), (at, "a"), (2 * at, "a"), (3 * at, "a"), (3 * at, "b"), (4 * at, ""), (5 * at, "")]
    assert verdicts(LIMITS, [(now, mark) for now, mark in asked]) == [
        FloodDecision.ALLOW,
        FloodDecision.ALLOW,
        FloodDecision.DUPLICATE,
        FloodDecision.DROP,
        *[FloodDecision.ALLOW] * 3,
    ]
    late = 2 * at + DUPLICATE_WINDOW_S
    assert verdicts(LIMITS, [(0, "a"), (at, "a"), (2 * at, "a"), (late, "a")])[-1] is FloodDecision.ALLOW


def test_an_album_counts_once() -> None:
    """Its pictures have one mark, and are one question."""
    pace = FloodCounter()
    for _ in range(10):
        pace, verdict = check_flood(pace, LIMITS, now=1.0, fingerprint="album", count_once=True)
        assert verdict is FloodDecision.ALLOW
    assert len(pace.recent) == 1


@given(st.lists(st.tuples(st.floats(0, 2000), st.sampled_from("abc")), max_size=60), st.integers(1, 5))
def test_no_more_pass_than_the_limit_in_any_minute(asked: list[tuple[float, str]], flood: int) -> None:
    """Whatever the rhythm; and without limits everything passes."""
    asked = sorted(asked)
    found = verdicts(FloodLimits(questions_per_minute=flood), asked)
    passed = [now for (now, _), verdict in zip(asked, found, strict=True) if verdict is FloodDecision.ALLOW]
    for start in passed:
        within = [now for now in passed if start <= now < start + FLOOD_WINDOW_S]
        assert len(within) <= flood
    told = [now for (now, _), verdict in zip(asked, found, strict=True) if verdict is FloodDecision.FLOOD]
    assert all(later - earlier >= PAUSE_S for earlier, later in pairwise(told))
    assert set(verdicts(FloodLimits(), asked)) <= {FloodDecision.ALLOW}


def test_other_requests_count_and_are_dropped_in_silence() -> None:
    """Questions and other requests share one pace; only a question begins a pause."""
    counter, decisions = FloodCounter(), list[FloodDecision]()
    for at in range(5):
        counter, decision = check_request(counter, LIMITS, now=float(at), group_command=False)
        decisions.append(decision)
    assert decisions == [*[FloodDecision.ALLOW] * 3, *[FloodDecision.DROP] * 2]
    assert counter.paused_until == 0.0
    counter, decision = check_flood(counter, LIMITS, now=5.0, fingerprint="a")
    assert decision is FloodDecision.FLOOD
    _, decision = check_request(counter, LIMITS, now=6.0, group_command=False)
    assert decision is FloodDecision.DROP


def test_commands_in_a_group_have_a_pace_of_their_own() -> None:
    """Only few replies to commands a minute; a direct chat has nobody else who would wait for them."""
    limits = FloodLimits(questions_per_minute=20)
    for group, allowed in ((True, GROUP_COMMANDS_PER_MINUTE), (False, 20)):
        counter, passed = FloodCounter(), 0
        for _ in range(30):
            counter, decision = check_request(counter, limits, now=1.0, group_command=group)
            passed += decision is FloodDecision.ALLOW
        assert passed == allowed
