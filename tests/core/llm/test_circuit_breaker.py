"""When a provider counts as down, and when one request may try it again."""

from core.llm.circuit_breaker import (
    COOLDOWN_S,
    FAILURE_THRESHOLD,
    KEY_REFUSED_COOLDOWN_S,
    MAX_COOLDOWN_S,
    CircuitBreaker,
)


def test_it_opens_after_failures_in_a_row() -> None:
    """A success in between begins the count anew."""
    breaker = CircuitBreaker()
    for _ in range(FAILURE_THRESHOLD - 1):
        assert not breaker.record_failure(0.0, is_probe=False)
    assert not breaker.record_success()
    for _ in range(FAILURE_THRESHOLD - 1):
        assert not breaker.record_failure(0.0, is_probe=False)
    assert breaker.allows(0.0)
    assert breaker.record_failure(0.0, is_probe=False)
    assert not breaker.allows(COOLDOWN_S - 0.1)


def test_one_request_tries_at_a_time() -> None:
    """After the pause a single request goes; the others wait for what it finds."""
    breaker = CircuitBreaker()
    breaker.record_failure(0.0, is_probe=False, key_refused=True)
    assert not breaker.allows(KEY_REFUSED_COOLDOWN_S - 1)
    assert breaker.allows(KEY_REFUSED_COOLDOWN_S)
    assert breaker.start_request()
    assert not breaker.allows(KEY_REFUSED_COOLDOWN_S)
    assert breaker.record_success()
    assert breaker.allows(KEY_REFUSED_COOLDOWN_S)
    assert not breaker.start_request()


def test_each_failed_try_doubles_the_pause() -> None:
    """Up to a limit; what was on its way before the opening changes nothing."""
    breaker, now, pauses = CircuitBreaker(), 0.0, []
    for _ in range(FAILURE_THRESHOLD):
        breaker.record_failure(now, is_probe=False)
    assert not breaker.record_failure(now, is_probe=False)
    for _ in range(6):
        assert breaker.open_until is not None
        pauses.append(breaker.open_until - now)
        now = breaker.open_until
        breaker.start_request()
        breaker.record_failure(now, is_probe=True)
    assert pauses == [15.0, 30.0, 60.0, 120.0, MAX_COOLDOWN_S, MAX_COOLDOWN_S]


def test_a_try_that_tells_nothing_lets_the_next_one_try() -> None:
    """A person who stops their question is no verdict on the provider."""
    breaker = CircuitBreaker()
    breaker.record_failure(0.0, is_probe=False, key_refused=True)
    breaker.start_request()
    breaker.release_probe()
    assert breaker.allows(KEY_REFUSED_COOLDOWN_S)
