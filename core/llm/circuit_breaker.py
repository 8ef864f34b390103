"""Decides from the outcomes of requests whether a provider is up. Pure: time comes in as a number."""

from dataclasses import dataclass
from typing import Final

FAILURE_THRESHOLD: Final = 3  #: failures in a row that open the breaker
COOLDOWN_S: Final = 15.0  #: no request is sent for so long; doubled with each failed probe
MAX_COOLDOWN_S: Final = 240.0
KEY_REFUSED_COOLDOWN_S: Final = 60.0  #: the same if the key was refused, which only the operator mends


@dataclass(slots=True)
class CircuitBreaker:
    """Closed: every request may go. Open: none. Half open, after the cooldown: one probe."""

    failures: int = 0  #: in a row
    open_until: float | None = None  #: None while closed
    cooldown_s: float = COOLDOWN_S
    probing: bool = False  #: a probe is under way

    @property
    def is_closed(self) -> bool:
        """Whether the provider is thought to be up."""
        return self.open_until is None

    def allows(self, now: float) -> bool:
        """Return whether a request may be sent now."""
        return self.open_until is None or (now >= self.open_until and not self.probing)

    def start_request(self) -> bool:
        """Record that a request is sent; return whether it is the probe."""
        self.probing = self.probing or self.open_until is not None
        return self.open_until is not None

    def record_success(self) -> bool:
        """Record an answer; return whether the breaker was open."""
        was_open = self.open_until is not None
        self.failures, self.open_until, self.cooldown_s, self.probing = 0, None, COOLDOWN_S, False
        return was_open

    def record_failure(self, now: float, *, is_probe: bool, key_refused: bool = False) -> bool:
        """Record a failure; return whether the breaker opens with it.

        ``key_refused`` opens it at once, since a further request cannot succeed either.
        """
        self.failures += 1
        if self.open_until is not None:
            if is_probe:
                self.cooldown_s = min(MAX_COOLDOWN_S, self.cooldown_s * 2)
                self.open_until, self.probing = now + self.cooldown_s, False
            return False
        if self.failures < FAILURE_THRESHOLD and not key_refused:
            return False
        self.cooldown_s = KEY_REFUSED_COOLDOWN_S if key_refused else COOLDOWN_S
        self.open_until = now + self.cooldown_s
        return True

    def release_probe(self) -> None:
        """Record that the probe ended without an outcome, such as by cancellation."""
        self.probing = False
