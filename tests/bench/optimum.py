"""The least mean word delay that budgets allow to someone who knows all word times in advance.

:func:`best_mean_s` is exact for one message on one bucket. For many messages on one bucket
:func:`shared_bound_s` is a bound from below: no schedule can be better.

A bucket of burst ``b`` and rate ``r`` that is full when the first word comes lets frame ``k``
(counted from 1) go no earlier than ``t1 + (k - b) / r``, ``t1`` being the time of the first: a
full bucket does not refill. ``T / 2(b + rT)`` forgets that and cuts time into parts of a frame
each, whole or not, so nobody reaches it: at ``T`` = 5 s, ``b`` = 3, ``r`` = 1 the optimum is 1.14
times as much.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf


def closed_form_s(seconds: float, *, per_s: float, burst: float) -> float:
    """Return ``T / 2(b + rT)`` for one steady stream of ``seconds``."""
    return seconds / (2 * (burst + per_s * seconds))


class Hull:
    """The least of lines ``intercept + slope * x``, added with falling slopes."""

    def __init__(self) -> None:
        self._lines: list[tuple[float, float]] = []
        self._from: list[float] = []  # x from which on each line is the least

    def add(self, slope: float, intercept: float) -> None:
        """Add a line whose slope is below those of all others."""
        while self._lines:
            last_slope, last_intercept = self._lines[-1]
            crossing = (intercept - last_intercept) / (last_slope - slope)
            if crossing > self._from[-1]:
                self._lines.append((slope, intercept))
                self._from.append(crossing)
                return
            self._lines.pop()
            self._from.pop()
        self._lines.append((slope, intercept))
        self._from.append(-inf)

    def least(self, x: float) -> float:
        """Return the least value at ``x``; infinite without a line."""
        if not self._lines:
            return inf
        slope, intercept = self._lines[bisect_right(self._from, x) - 1]
        return intercept + slope * x


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """The bucket that frames are paid from."""

    per_s: float
    burst: float
    first_free: bool = False  #: the first frame is paid by another budget
    last_free: bool = False  #: so is the last


def best_mean_s(words: Sequence[float], paid: Paid) -> float:
    """Return the least mean word delay of one message whose words come at ``words``, in seconds.

    Exact where frames are spent about evenly, as the optimum's are: a bucket that fills up again
    while words wait is not modelled, which can only make the figure smaller.
    """
    words = [at - words[0] for at in words]
    sums = list(accumulate(words))
    last = len(words) - 1
    if paid.first_free and paid.last_free and last == 0:
        return 0.0

    def total(first: int) -> float:
        return _total(words, sums, paid, first)

    # The first paid frame is never later than two average gaps; its best place is looked for coarsely.
    gap_s = words[-1] / max(1.0, paid.burst + paid.per_s * words[-1])
    most = min(len(words), bisect_right(words, 2 * gap_s) + 1)
    step = max(1, most // 10)
    coarse = min(range(0, most, step), key=total)
    near = range(max(0, coarse - step + 1), min(len(words), coarse + step))
    found = min(total(first) for first in near)
    if paid.first_free and paid.last_free:
        found = min(found, _two_frames(words, sums))
    return found / len(words)


def best_session_mean_s(answers: Sequence[Sequence[float]], paid: Paid) -> float:
    """Return the least mean word delay of answers one after the other on one bucket, in seconds.

    A frame shows words of one answer only, and the last word of each ends a frame. As in
    :func:`best_mean_s`, a bucket that fills up again meanwhile is not modelled, which can only make the
    figure smaller.
    """
    words = [at for answer in answers for at in answer]
    sums = list(accumulate(words))
    starts = [start for answer, start in zip(answers, _starts(answers), strict=True) for _ in answer]
    earliest = min(len(answers[0]), bisect_right(words, words[0] + 2 / paid.per_s))
    best = min(_session_total(words, sums, starts, paid, first) for first in range(earliest))
    return best / len(words)


def _starts(answers: Sequence[Sequence[float]]) -> Sequence[int]:
    """Return the index of the first word of each answer among all words."""
    return [0, *accumulate(map(len, answers))][:-1]


def _session_total(
    words: Sequence[float], sums: Sequence[float], starts: Sequence[int], paid: Paid, first: int
) -> float:
    """Return the least sum of delays where the first frame shows word ``first`` as the newest."""
    last = len(words) - 1
    totals = [inf] * len(words)
    totals[first] = (first + 1) * words[first] - sums[first]
    best, frames = totals[last], 1
    while frames <= last:
        frames += 1
        release = _release(words[first], frames, paid)
        found, hull = [inf] * len(words), Hull()
        for i in range(first + 1, len(words)):
            if i == starts[i]:  # the frame before ends the answer before
                hull = Hull()
            if totals[i - 1] < inf:
                hull.add(-float(i), totals[i - 1] + sums[i - 1])
            at = max(words[i], release)
            found[i] = hull.least(at) + (i + 1) * at - sums[i]
        totals = found
        best = min(best, totals[last])
        if release > words[last]:
            break
    return best


def _two_frames(words: Sequence[float], sums: Sequence[float]) -> float:
    whole = sums[-1]
    return min((i + 1) * words[i] + (len(words) - i - 1) * words[-1] - whole for i in range(len(words)))


def _total(words: Sequence[float], sums: Sequence[float], paid: Paid, first: int) -> float:
    """Return the least sum of delays where the first paid frame shows word ``first`` as the newest."""
    last = len(words) - 1
    totals = [inf] * first + [_start(words, sums, paid, first)]
    best, frames = inf, 1
    while True:
        rest = Hull()
        for i in range(first + frames - 1, len(totals)):
            rest.add(-float(i + 1), totals[i] + sums[i])
        if paid.last_free:
            best = min(best, rest.least(words[last]) + (last + 1) * words[last] - sums[last])
        elif len(totals) > last:
            best = min(best, totals[last])
        frames += 1
        release = _release(words[first], frames, paid)
        if first + frames - 1 > last or release == inf:
            return best
        if release > words[last]:
            # One more frame, later than the last word, and no other can help.
            late = rest.least(release) + (last + 1) * release - sums[last]
            return best if paid.last_free else min(best, late)
        totals = _layer(words, sums, totals, first + frames - 1, release)


def _start(words: Sequence[float], sums: Sequence[float], paid: Paid, first: int) -> float:
    """Return the sum of delays up to the first paid frame, with or without a free one before it."""
    before = Hull()
    before.add(0.0, 0.0)
    if paid.first_free:
        for i in range(first):
            before.add(-float(i + 1), (i + 1) * words[i])
    return before.least(words[first]) + (first + 1) * words[first] - sums[first]


def _release(begin: float, frames: int, paid: Paid) -> float:
    """Return when so many paid frames may have gone at the earliest."""
    if frames <= paid.burst:
        return begin
    return begin + (frames - paid.burst) / paid.per_s if paid.per_s > 0 else inf


def _layer(
    words: Sequence[float], sums: Sequence[float], totals: Sequence[float], least: int, release: float
) -> list[float]:
    """Return the totals with one frame more, none of them before ``release``."""
    found = [inf] * len(words)
    hull = Hull()
    for i in range(least, len(words)):
        previous = i - 1
        if previous < len(totals) and totals[previous] < inf:
            hull.add(-float(previous + 1), totals[previous] + sums[previous])
        at = max(words[i], release)
        found[i] = hull.least(at) + (i + 1) * at - sums[i]
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a frame costs at a time, in seconds of delay.

    ``steady`` until ``end``, then falling to nothing within ``fade_s``; from ``end`` on
    ``rush`` besides, falling to nothing within ``rush_s``.
    """

    end: float
    steady: float
    fade_s: float
    rush: float
    rush_s: float

    def at(self, time: float) -> float:
        """Return the price at a time."""
        if time < self.end:
            return self.steady
        late = time - self.end
        faded = max(0.0, 1 - late / self.fade_s), max(0.0, 1 - late / self.rush_s)
        return self.steady * faded[0] + self.rush * faded[1]

    def earned(self, begin: float, paid: Paid) -> float:
        """Return what all frames that the bucket allows would pay at most."""
        steady = self.steady * (paid.burst + paid.per_s * (self.end - begin + self.fade_s / 2))
        return steady + self.rush * (paid.burst + paid.per_s * self.rush_s / 2)


def shared_bound_s(lanes: Sequence[Sequence[float]], paid: Paid) -> float:
    """Return a bound from below for the mean word delay of messages that share one bucket.

    Lagrange's way: frames cost a price and each message chooses its best frames by itself; what
    the bucket's calls would earn is given back. That is a lower bound for any price that never
    rises within ``[begin, end)`` and after ``end``, because the bucket grants no more than
    ``burst + per_s * t`` calls from either moment on. The best of several prices is taken.
    """
    begin = min(words[0] for words in lanes)
    end = min(words[-1] for words in lanes)
    count = sum(len(words) for words in lanes)
    sums = [list(accumulate(words)) for words in lanes]

    def bound(price: Price) -> float:
        least = sum(_priced(words, total, price, paid) for words, total in zip(lanes, sums, strict=True))
        return (least - price.earned(begin, paid)) / count

    span = max(end - begin, 1e-3)
    frames = (paid.burst + paid.per_s * span) / len(lanes)
    rate = count / len(lanes) / span
    guess = rate * (span / max(frames, 0.5)) ** 2 / 2
    best = Price(end=end, steady=guess, fade_s=1.0, rush=guess / 4, rush_s=1.0)
    value = bound(best)
    for factor in (3.0, 1.7, 1.25, 1.08):
        improved = True
        while improved:
            improved = False
            for tried in _neighbours(best, factor):
                tried_value = bound(tried)
                if tried_value > value + 1e-7:
                    best, value, improved = tried, tried_value, True
    return value


def _neighbours(price: Price, factor: float) -> list[Price]:
    names = ("steady", "fade_s", "rush", "rush_s")
    values = {name: float(getattr(price, name)) for name in names}
    return [
        Price(end=price.end, **{**values, name: max(1e-3, values[name] * by)})
        for name in names
        for by in (factor, 1 / factor)
    ]


def _priced(words: Sequence[float], sums: Sequence[float], price: Price, paid: Paid) -> float:
    """Return the least sum of delays and prices of one message."""
    last = len(words) - 1
    hull = Hull()
    free = Hull()  # the state before a first frame, where that is free
    free.add(0.0, 0.0)
    if not paid.first_free:
        hull.add(0.0, 0.0)
    best = inf
    for i in range(last + 1):
        total = inf
        for at in _times(words, i, price):
            reached = hull.least(at) + price.at(at)
            if paid.first_free:
                reached = min(reached, free.least(at))
            total = min(total, reached + (i + 1) * at - sums[i])
        if i < last:
            hull.add(-float(i + 1), total + sums[i])
        else:
            best = total
    if paid.last_free:
        at = words[last]
        best = min(best, min(hull.least(at), free.least(at)) + (last + 1) * at - sums[last])
    return best


def _times(words: Sequence[float], i: int, price: Price) -> tuple[float, ...]:
    """Return when a frame that ends with word ``i`` may be best: at once, or where the price breaks."""
    if i == len(words) - 1:
        return (words[i], price.end + price.fade_s, price.end + price.rush_s)
    return (words[i], words[i + 1]) if words[i + 1] > price.end else (words[i],)
