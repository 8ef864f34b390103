"""Until when events may have been missed: before the first one that came in over a new connection. Pure."""


class ConnectionGap:
    """The latest interruption of the connection, in Slack's own times.

    What is written while a socket is down, or the process is, is not delivered later over Socket Mode. The
    first event over a new connection tells the time up to which something may be missing.
    """

    def __init__(self) -> None:
        """Begin with an interruption: before the start nothing was received."""
        self.connection = 0  #: number of the present connection
        self._is_reconnected = True
        self._missed_until = ""

    def reconnected(self) -> None:
        """Record that a connection was opened."""
        self.connection += 1
        self._is_reconnected = True

    def received(self, ts: str) -> None:
        """Record the time of an event (a ts)."""
        if self._is_reconnected and ts:
            self._is_reconnected = False
            self._missed_until = ts

    def may_hide(self, after_ts: str) -> bool:
        """Return whether something that was written after ``after_ts`` may have been missed."""
        return after_ts < self._missed_until
