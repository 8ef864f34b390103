"""The benchmark's optimum is one: as low as the buckets allow and no lower."""

import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def load(name: str) -> ModuleType:
    """Load a module of the benchmark, which is no package of the tests."""
    path = Path(__file__).parents[2] / "bench" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


optimum = load("optimum")
Paid = optimum.Paid


def steady(seconds: float, per_s: float) -> list[float]:
    """Return evenly spaced word times."""
    return [index / per_s for index in range(round(seconds * per_s))]


def by_trying(words: list[float], per_s: float, burst: int) -> float:
    """Return the least mean delay over every choice of last words of frames, each as early as may be."""
    best = float("inf")
    last = len(words) - 1
    for size in range(len(words)):
        for chosen in itertools.combinations(range(last), size):
            total, at, shown, sent = 0.0, 0.0, 0, []
            for index in (*chosen, last):
                at = max(at, words[index])
                for earlier, sent_at in enumerate(sent):
                    calls = len(sent) - earlier + 1
                    at = max(at, sent_at + (calls - burst) / per_s)
                sent.append(at)
                total += sum(at - word for word in words[shown : index + 1])
                shown = index + 1
            best = min(best, total / len(words))
    return best


@pytest.mark.parametrize(("per_s", "burst"), [(1.0, 3.0), (1 / 3, 5.0), (0.75, 5.0), (1.5, 10.0)])
@pytest.mark.parametrize("seconds", [5.0, 20.0])
def test_the_optimum_of_a_steady_stream_is_near_the_closed_form(
    per_s: float, burst: float, seconds: float
) -> None:
    """T / 2(b + rT) is a bound for words without end between two frames; whole frames cost a little more."""
    words_per_s = 20.0
    found = optimum.best_mean_s(steady(seconds, words_per_s), Paid(per_s=per_s, burst=burst))
    bound = optimum.closed_form_s(seconds, per_s=per_s, burst=burst) - 0.5 / words_per_s
    assert bound <= found <= 1.25 * bound


def test_without_refill_the_optimum_is_the_closed_form() -> None:
    """Four frames over ten seconds: ten eighths of a second, less half the time between two words."""
    found = optimum.best_mean_s(steady(10, 40), Paid(per_s=0.0, burst=4.0))
    assert found == pytest.approx(10 / 8 - 0.5 / 40, rel=1e-3)


@settings(max_examples=20)
@given(
    st.lists(st.sampled_from([0.02, 0.1, 0.4]), min_size=1, max_size=7),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.integers(1, 3),
)
def test_nobody_does_better_by_trying(gaps: list[float], per_s: float, burst: int) -> None:
    """The optimum is never above the best schedule that exists, and both bounds are below it."""
    words = [0.0, *itertools.accumulate(gaps)]
    paid = Paid(per_s=per_s, burst=float(burst))
    found = optimum.best_mean_s(words, paid)
    assert found <= by_trying(words, per_s, burst) + 1e-9
    assert optimum.shared_bound_s([words], paid) <= found + 1e-6


def test_an_optimum_is_exact_where_frames_are_even() -> None:
    """For a steady stream trying every schedule finds the same."""
    words = steady(2.0, 5.0)
    found = optimum.best_mean_s(words, Paid(per_s=1.0, burst=2.0))
    assert found == pytest.approx(by_trying(words, 1.0, 2))


def test_free_frames_help() -> None:
    """A first and a last frame that another budget pays make the optimum lower."""
    words = steady(5, 20)
    paid = optimum.best_mean_s(words, Paid(per_s=0.75, burst=5.0))
    assert optimum.best_mean_s(words, Paid(per_s=0.75, burst=5.0, first_free=True)) < paid
    assert optimum.best_mean_s(words, Paid(per_s=0.75, burst=5.0, last_free=True)) < paid


def test_many_on_one_bucket_are_bounded_by_their_share() -> None:
    """Four equal streams cannot be shown better than by a quarter of the frames each."""
    lanes = [steady(20, 10) for _ in range(4)]
    bound = optimum.shared_bound_s(lanes, Paid(per_s=1.0, burst=4.0))
    frames_each = (4 + 20) / 4
    assert 0.75 * 20 / (2 * frames_each) <= bound <= 20 / (2 * frames_each)
