"""Measures the CPU cost of a function for hostile input, so that a slow or busy machine decides nothing.

A time is CPU time of this process, and it is scaled by a reference work measured directly before and
after: where that is slow, the machine is slow. What looks expensive is measured again; the lowest counts.
"""

import gc
import time
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

Parser: TypeAlias = Callable[[str], object]

CHARS: Final = 100_000
MAX_CHARS: Final = 16 * CHARS  #: longest input that is compared to its half
REFERENCE_S: Final = 0.012  #: CPU seconds of :func:`reference_work` on the machine of the budgets
MAX_RATIO: Final = 2.5  #: cost of an input over the cost of half of it
DOUBLINGS: Final = 3  #: from the shorter input to the longer one that are compared
LOOKS: Final = 12  #: at most so many times a form is measured that looks expensive
RATIO_LOOKS: Final = 12  #: at most so many times an input and a part of it are measured
LONGEST_S: Final = 1.0  #: CPU seconds up to which a longer input is tried
COMPARED_S: Final = 0.04  #: CPU seconds from which on an input is compared to its half
TRIED_CHARS: Final = 4_000  #: read first, so that what is far from linear fails at once
DEAREST: Final = 2  #: so many forms of a parser have their ratio measured


class Cost(NamedTuple):
    """Cost of one form of input: CPU seconds on the machine of the budgets, and a ratio."""

    whole_s: float
    form: tuple[str, str]
    ratio: float = 0.0  #: to half of the input; 0.0: not measured


def reference_work() -> object:
    """Do some work that costs the same on every machine of the same speed."""
    return [str(number).replace("1", "2").split("3") for number in range(20_000)]


def hostile(form: tuple[str, str], chars: int) -> str:
    """Return a text of so many characters, and one that fits nothing before it."""
    prefix, piece = form
    return (prefix + piece * (chars // len(piece) + 1))[:chars] + "x"


def cpu_s(parse: Parser, text: str) -> float:
    """Return the CPU seconds of one call."""
    began = time.process_time()
    parse(text)
    return time.process_time() - began


def scaled_s(parse: Parser, text: str) -> float:
    """Return the CPU seconds that one call would take on the machine of the budgets."""
    before_s = cpu_s(lambda _: reference_work(), "")
    call_s = cpu_s(parse, text)
    after_s = cpu_s(lambda _: reference_work(), "")
    return call_s * min(1.0, 2 * REFERENCE_S / (before_s + after_s))


def lowest_s(parse: Parser, text: str, budget_s: float) -> float:
    """Return the CPU seconds of a call; measured again, scaled, as long as they exceed the budget."""
    lowest = cpu_s(parse, text)
    for look in range(LOOKS):
        if lowest <= budget_s:
            break
        lowest = min(lowest, scaled_s(parse, text + "y" * look))  # a cache must not know it
    return lowest


def ratio_to_half(parse: Parser, form: tuple[str, str]) -> float:
    """Return how many times more an input costs for each doubling of its length.

    A ratio that is too high is measured again for longer inputs, and the lowest counts: growth that is
    more than linear shows at each length, whereas a busy machine, or a cache that is too small, disturbs
    one. The first length costs :data:`COMPARED_S`. 0.0 if a parser costs less at :data:`MAX_CHARS` too:
    it reads a bounded beginning.
    """
    chars = CHARS
    while cpu_s(parse, hostile(form, chars)) < COMPARED_S:
        chars *= 2
        if chars > MAX_CHARS:
            return 0.0
    lowest = growth(parse, form, chars)
    while lowest > MAX_RATIO and chars < MAX_CHARS and cpu_s(parse, hostile(form, chars)) < LONGEST_S:
        chars *= 2
        lowest = min(lowest, growth(parse, form, chars))
    return lowest


def growth(parse: Parser, form: tuple[str, str], chars: int) -> float:
    """Return the mean ratio of the doublings up to a length; measured again as long as it is too high."""
    whole, part = hostile(form, chars), hostile(form, chars // 2**DOUBLINGS)
    whole_s = part_s = float("inf")
    ratio = 0.0
    for look in range(RATIO_LOOKS):
        gc.collect()  # what the call before left would make this one ask for new memory
        part_s = min(part_s, cpu_s(parse, part + "y" * look))
        whole_s = min(whole_s, cpu_s(parse, whole + "z" * look))
        ratio = float((whole_s / part_s) ** (1 / DOUBLINGS))
        if ratio <= MAX_RATIO:
            break
    return ratio


def too_expensive(parse: Parser, forms: list[tuple[str, str]], budget_s: float) -> list[Cost]:
    """Return the forms of input that exceed the budget or cost more than in proportion to their length."""
    parse("warm up the caches and dictionaries 你好")
    too_much, costs = list[Cost](), list[Cost]()
    for form in forms:
        text = hostile(form, TRIED_CHARS)
        if (tried_s := lowest_s(parse, text, budget_s)) > budget_s:
            too_much.append(Cost(tried_s, form))
            continue
        costs.append(Cost(lowest_s(parse, hostile(form, CHARS), budget_s), form))
    too_much += [cost for cost in costs if cost.whole_s > budget_s]
    for cost in sorted(costs, reverse=True)[:DEAREST]:
        if (ratio := ratio_to_half(parse, cost.form)) > MAX_RATIO:
            too_much.append(cost._replace(ratio=ratio))
    return too_much
