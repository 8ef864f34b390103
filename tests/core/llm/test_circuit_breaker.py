"""When a provider counts as down, and when one request may try it again."""

from core.llm.circuit_breaker import FIRST_S, MOST_S, REFUSED_FIRST_S, THRESHOLD, Breaker


def test_it_opens_after_failures_in_a_row() -> None:
    """A success in between begins the count anew."""
    breaker = Breaker()
    for _ in range(THRESHOLD - 1):
        assert not breaker.failed(0.0, probe=False)
    assert not breaker.succeeded()
    for _ in range(THRESHOLD - 1):
        assert not breaker.failed(0.0, probe=False)
    assert breaker.allows(0.0)
    assert breaker.failed(0.0, probe=False)
    assert not breaker.allows(FIRST_S - 0.1)


def test_one_request_tries_at_a_time() -> None:
    """After the pause a single request goes; the others wait for what it finds."""
    breaker = Breaker()
    breaker.failed(0.0, probe=False, at_once=True)
    assert not breaker.allows(REFUSED_FIRST_S - 1)
    assert breaker.allows(REFUSED_FIRST_S)
    assert breaker.begin()
    assert not breaker.allows(REFUSED_FIRST_S)
    assert breaker.succeeded()
    assert breaker.allows(REFUSED_FIRST_S)
    assert not breaker.begin()


def test_each_failed_try_doubles_the_pause() -> None:
    """Up to a limit; what was on its way before the opening changes nothing."""
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(THRESHOLD):
        breaker.failed(now, probe=False)
    assert not breaker.failed(now, probe=False)
    for _ in range(6):
        assert breaker.open_until is not None
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        breaker.begin()
        breaker.failed(now, probe=True)
    assert pauses == [15.0, 30.0, 60.0, 120.0, MOST_S, MOST_S]


def test_a_try_that_tells_nothing_lets_the_next_one_try() -> None:
    """A person who stops their question is no verdict on the provider."""
    breaker = Breaker()
    breaker.failed(0.0, probe=False, at_once=True)
    breaker.begin()
    breaker.abandoned()
    assert breaker.allows(REFUSED_FIRST_S)
