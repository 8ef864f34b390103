"""Whether a provider is up, by what became of the requests to it. Pure: time comes in as a number."""

from dataclasses import dataclass

THRESHOLD = 3  #: failures in a row that open it
FIRST_S = 15.0  #: how long nobody is sent there; doubled with each probe that fails
MOST_S = 240.0
REFUSED_FIRST_S = 60.0  #: the same where the key was refused: only the operator mends that


@dataclass(slots=True)
class Breaker:
    """Closed (all may go), open (nobody), or half open (one tries)."""

    failures: int = 0
    open_until: float | None = None  #: None while closed
    cool_s: float = FIRST_S
    probing: bool = False

    def allows(self, now: float) -> bool:
        """Tell whether a request may go there now."""
        return self.open_until is None or (now >= self.open_until and not self.probing)

    def begin(self) -> bool:
        """Note that a request goes there; True where it is the one that tries."""
        self.probing = self.probing or self.open_until is not None
        return self.open_until is not None

    def succeeded(self) -> bool:
        """Note that it answered; True where it was thought to be down."""
        was_open = self.open_until is not None
        self.failures, self.open_until, self.cool_s, self.probing = 0, None, FIRST_S, False
        return was_open

    def failed(self, now: float, *, probe: bool, at_once: bool = False) -> bool:
        """Note a failure; True where it opens now. ``at_once`` does not wait for a third one."""
        self.failures += 1
        if self.open_until is not None:
            if probe:
                self.cool_s = min(MOST_S, self.cool_s * 2)
                self.open_until, self.probing = now + self.cool_s, False
            return False
        if self.failures < THRESHOLD and not at_once:
            return False
        self.cool_s = REFUSED_FIRST_S if at_once else FIRST_S
        self.open_until = now + self.cool_s
        return True

    def abandoned(self) -> None:
        """Note that the request that tried ended without telling anything."""
        self.probing = False
