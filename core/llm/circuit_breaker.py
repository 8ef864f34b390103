"""Whether a provider is up, by what became of the requests to it. Pure: time comes in as a number."""

from dataclasses import dataclass

FAILURE_THRESHOLD = 3  #: failures in a row that open it
COOLDOWN_S = 15.0  #: how long nobody is sent there; doubled with each probe that fails
MAX_COOLDOWN_S = 240.0
KEY_REFUSED_COOLDOWN_S = 60.0  #: the same where the key was refused: only the operator mends that


@dataclass(slots=True)
class CircuitBreaker:
    """Closed (all may go), open (nobody), or half open (one tries)."""

    failures: int = 0
    open_until: float | None = None  #: None while closed
    cooldown_s: float = COOLDOWN_S
    probing: bool = False

    def allows(self, now: float) -> bool:
        """Tell whether a request may go there now."""
        return self.open_until is None or (now >= self.open_until and not self.probing)

    def start_request(self) -> bool:
        """Note that a request goes there; True where it is the one that tries."""
        self.probing = self.probing or self.open_until is not None
        return self.open_until is not None

    def record_success(self) -> bool:
        """Note that it answered; True where it was thought to be down."""
        was_open = self.open_until is not None
        self.failures, self.open_until, self.cooldown_s, self.probing = 0, None, COOLDOWN_S, False
        return was_open

    def record_failure(self, now: float, *, is_probe: bool, open_at_once: bool = False) -> bool:
        """Note a failure; True where it opens now. ``at_once`` does not wait for a third one."""
        self.failures += 1
        if self.open_until is not None:
            if is_probe:
                self.cooldown_s = min(MAX_COOLDOWN_S, self.cooldown_s * 2)
                self.open_until, self.probing = now + self.cooldown_s, False
            return False
        if self.failures < FAILURE_THRESHOLD and not open_at_once:
            return False
        self.cooldown_s = KEY_REFUSED_COOLDOWN_S if open_at_once else COOLDOWN_S
        self.open_until = now + self.cooldown_s
        return True

    def release_probe(self) -> None:
        """Note that the request that tried ended without telling anything."""
        self.probing = False
