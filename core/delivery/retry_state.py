"""How often the calls of one source have failed, and when the next may be sent."""

INITIAL_BACKOFF_S = 0.5  #: after a failed call; doubled with each further one
MAX_BACKOFF_S = 30.0
MAX_UNCERTAIN_CALLS = 3  #: attempts at a call whose result is unknown and cannot be looked up


class RetryState:
    """Back-off of one source. Pure: time is passed in as seconds."""

    def __init__(self) -> None:
        self.not_before = 0.0  #: the next call must not be sent earlier
        self.uncertain_calls = 0  #: calls that may have taken effect although they failed
        self.lookup_due = False  #: a message may have been posted whose reference is not known
        self._failures = 0

    def back_off(self, now: float) -> None:
        """Delay the next call after a failure, longer with each failure in a row."""
        self.not_before = now + min(MAX_BACKOFF_S, INITIAL_BACKOFF_S * 2.0**self._failures)
        self._failures += 1

    def back_off_uncertain(self, now: float) -> bool:
        """Delay a call that may have taken effect; return False if it must not be sent again."""
        self.uncertain_calls += 1
        if self.uncertain_calls > MAX_UNCERTAIN_CALLS:
            return False
        self.back_off(now)
        return True

    def succeeded(self) -> None:
        """Begin with the shortest back-off again."""
        self._failures = 0
