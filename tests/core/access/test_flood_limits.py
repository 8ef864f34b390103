"""How fast one person may ask, decided without a clock."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.access.flood_limits import (
    FLOOD_WINDOW_S,
    PAUSE_S,
    REPEAT_WINDOW_S,
    Pace,
    PaceLimits,
    Verdict,
    judge,
)

LIMITS = PaceLimits(flood=3, repeats=2)


def verdicts(limits: PaceLimits, asked: list[tuple[float, str]]) -> list[Verdict]:
    """What becomes of questions, each as (when, what)."""
    pace, found = Pace(), list[Verdict]()
    for now, mark in asked:
        pace, verdict = judge(pace, limits, now=now, mark=mark)
        found.append(verdict)
    return found


def test_a_flood_is_told_once_and_ends() -> None:
    """The fourth within a minute is told, the rest of the pause is silent, then it goes on."""
    asked = [(float(at), f"{at}") for at in (0, 1, 2, 3, 4, 50, 3 + PAUSE_S, 4 + PAUSE_S)]
    assert verdicts(LIMITS, asked) == [
        *[Verdict.PASS] * 3,
        Verdict.FLOOD,
        *[Verdict.SILENT] * 2,
        *[Verdict.PASS] * 2,
    ]


def test_the_same_words_are_told_once() -> None:
    """The third of the same is told, further ones are silent, other words pass."""
    at = FLOOD_WINDOW_S
    asked = [(0, "a"), (at, "a"), (2 * at, "a"), (3 * at, "a"), (3 * at, "b"), (4 * at, ""), (5 * at, "")]
    assert verdicts(LIMITS, [(now, mark) for now, mark in asked]) == [
        Verdict.PASS,
        Verdict.PASS,
        Verdict.REPEAT,
        Verdict.SILENT,
        *[Verdict.PASS] * 3,
    ]
    late = 2 * at + REPEAT_WINDOW_S
    assert verdicts(LIMITS, [(0, "a"), (at, "a"), (2 * at, "a"), (late, "a")])[-1] is Verdict.PASS


def test_an_album_counts_once() -> None:
    """Its pictures have one mark, and are one question."""
    pace = Pace()
    for _ in range(10):
        pace, verdict = judge(pace, LIMITS, now=1.0, mark="album", once=True)
        assert verdict is Verdict.PASS
    assert len(pace.seen) == 1


@given(st.lists(st.tuples(st.floats(0, 2000), st.sampled_from("abc")), max_size=60), st.integers(1, 5))
def test_no_more_pass_than_the_limit_in_any_minute(asked: list[tuple[float, str]], flood: int) -> None:
    """Whatever the rhythm; and without limits everything passes."""
    asked = sorted(asked)
    found = verdicts(PaceLimits(flood=flood), asked)
    passed = [now for (now, _), verdict in zip(asked, found, strict=True) if verdict is Verdict.PASS]
    for start in passed:
        within = [now for now in passed if start <= now < start + FLOOD_WINDOW_S]
        assert len(within) <= flood
    told = [now for (now, _), verdict in zip(asked, found, strict=True) if verdict is Verdict.FLOOD]
    assert all(later - earlier >= PAUSE_S for earlier, later in pairwise(told))
    assert set(verdicts(PaceLimits(), asked)) <= {Verdict.PASS}
