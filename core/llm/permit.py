"""A place among the requests that run at once, seen from the request that has it."""

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from core.kimi import KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.limiter_reports import End, Refused, Running
from core.llm.limiter_state import Call


class Slot:
    """Permission to send one request, and the ear for what becomes of it. Use it as a block.

    Leaving the block gives the place back. Leaving it by an exception means that the request was
    broken off, unless :meth:`finished` was called or Kimi answered with an error.
    """

    def __init__(self, call: Call, now: Callable[[], float], wake: Callable[[], None]) -> None:
        self.told = Running(id=call.id, granted_at=call.granted_at, tokens=call.tokens, probe=call.probe)
        self._now = now
        self._wake = wake
        self._finished = False

    def __enter__(self) -> "Slot":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        answered = self._finished or (isinstance(error, KimiError) and error.status is not None)
        self._end("ended" if error is None or answered else "broken")

    def arrived(self) -> None:
        """Kimi gave a sign of life: the request was admitted."""
        if self.told.arrived_at is None:
            self.told = replace(self.told, arrived_at=self._now())
            if self.told.probe:
                self._wake()

    def counted(self, tokens: int) -> None:
        """Kimi counted so many tokens, the requested completion included; more than was reserved counts."""
        self.told = replace(self.told, tokens=max(self.told.tokens, tokens))

    def finished(self) -> None:
        """The whole reply was read: nothing of it runs on at Kimi."""
        self._finished = True

    def refused(self, error: KimiRateLimited | KimiQuotaExhausted) -> None:
        """Kimi refused the request for a limit of the account, or for its empty balance."""
        if isinstance(error, KimiQuotaExhausted):
            refused = Refused(limit="quota")
        else:
            refused = Refused(
                limit=error.limit, value=error.limit_value, retry_after_s=error.retry_after_s or 0.0
            )
        self.told = replace(self.told, refused=refused)
        self._end("refused")

    def unsent(self) -> None:
        """Nobody wants the place any more, and nothing was sent."""
        self._end("unsent")

    def _end(self, end: End) -> None:
        if self.told.end is None:
            self.told = replace(self.told, end=end)
            self._wake()
