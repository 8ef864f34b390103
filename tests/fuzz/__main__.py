"""Fuzzes every parser of foreign text and bytes: ``make fuzz``.

``python -m tests.fuzz [SECONDS] [NAME …]`` runs some targets. Each gets generated input for so many seconds.
It fails if a parser raises what its callers do not expect, or takes more CPU than its length allows.
hypothesis shrinks what failed and keeps it in ``.hypothesis``, so that the next run begins with it.
"""

import logging
import sys
import time
from collections.abc import Callable

import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy

from tests.fuzz.targets import TARGETS, Target

SECONDS = 60.0  #: for one target, unless the command line says otherwise
BATCH = 25  #: examples between two looks at the clock
ALLOWED_S = 0.25  #: CPU seconds that any input may take
ALLOWED_S_PER_CHAR = 20e-6


def run(target: Target, strategy: SearchStrategy[object], seconds: float) -> int:
    """Run one target for some seconds; return the number of inputs.

    Raises:
        Exception: the parser's, for the shortest input that makes it fail.
    """
    tried = 0

    def check(given_input: object) -> None:
        nonlocal tried
        tried += 1
        cpu_s = _cpu_s(target, given_input)
        size = len(given_input) if isinstance(given_input, str | bytes) else 0
        allowed_s = ALLOWED_S + size * ALLOWED_S_PER_CHAR
        if cpu_s > allowed_s:  # a pause of the garbage collector is no property of the parser
            cpu_s = min(_cpu_s(target, given_input) for _ in range(3))
        assert cpu_s <= allowed_s, f"{cpu_s:.2f} s of CPU for {size} characters"

    ends_at = time.monotonic() + seconds
    while time.monotonic() < ends_at:
        _once(check, strategy)
    return tried


def _cpu_s(target: Target, given_input: object) -> float:
    """Return the CPU seconds of one call."""
    began = time.process_time()
    target(given_input)
    return time.process_time() - began


def _once(check: Callable[[object], None], strategy: SearchStrategy[object]) -> None:
    fuzz = settings(
        max_examples=BATCH,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.reuse, Phase.generate, Phase.shrink),
    )(given(strategy)(check))
    fuzz()


def main() -> int:
    """Run the named targets, or all; return the number of targets that failed."""
    arguments = sys.argv[1:]
    seconds = float(arguments.pop(0)) if arguments and arguments[0].replace(".", "").isdigit() else SECONDS
    failed = 0
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    for name, (target, strategy) in TARGETS.items():
        if arguments and name not in arguments:
            continue
        try:
            tried = run(target, strategy, seconds)
        except Exception as exc:  # noqa: BLE001  whatever a parser raises is the finding
            failed += 1
            notes = "\n".join(getattr(exc, "__notes__", []))
            print(f"FAILED {name}: {type(exc).__name__}: {str(exc)[:500]}\n{notes[:2000]}", flush=True)  # noqa: T201
        else:
            print(f"ok {name}: {tried} inputs", flush=True)  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(main())
