"""A place among the requests that run at once, seen from the request that has it."""

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from core.kimi import KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.limiter_reports import EndReason, LimitRefusal, RunningReport
from core.llm.limiter_state import InFlightRequest


class Permit:
    """Permission to send one request, and the ear for what becomes of it. Use it as a block.

    Leaving the block gives the place back. Leaving it by an exception means that the request was
    broken off, unless :meth:`finished` was called or Kimi answered with an error.
    """

    def __init__(self, request: InFlightRequest, now: Callable[[], float], wake: Callable[[], None]) -> None:
        self.report = RunningReport(
            id=request.id, granted_at=request.granted_at, tokens=request.tokens, is_probe=request.is_probe
        )
        self._now = now
        self._wake = wake
        self._finished = False

    def __enter__(self) -> "Permit":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        answered = self._finished or (isinstance(error, KimiError) and error.status is not None)
        self._release("ended" if error is None or answered else "broken")

    def mark_arrived(self) -> None:
        """Kimi gave a sign of life: the request was admitted."""
        if self.report.arrived_at is None:
            self.report = replace(self.report, arrived_at=self._now())
            if self.report.is_probe:
                self._wake()

    def set_token_count(self, tokens: int) -> None:
        """Kimi counted so many tokens, the requested completion included; more than was reserved counts."""
        self.report = replace(self.report, tokens=max(self.report.tokens, tokens))

    def mark_finished(self) -> None:
        """The whole reply was read: nothing of it runs on at Kimi."""
        self._finished = True

    def mark_refused(self, error: KimiRateLimited | KimiQuotaExhausted) -> None:
        """Kimi refused the request for a limit of the account, or for its empty balance."""
        if isinstance(error, KimiQuotaExhausted):
            refused = LimitRefusal(limit="quota")
        else:
            refused = LimitRefusal(
                limit=error.limit, value=error.limit_value, retry_after_s=error.retry_after_s or 0.0
            )
        self.report = replace(self.report, refusal=refused)
        self._release("refused")

    def release_unsent(self) -> None:
        """Nobody wants the place any more, and nothing was sent."""
        self._release("unsent")

    def _release(self, reason: EndReason) -> None:
        if self.report.end_reason is None:
            self.report = replace(self.report, end_reason=reason)
            self._wake()
