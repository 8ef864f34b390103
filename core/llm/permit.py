"""A permit to send one request."""

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

from core.kimi import KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.limiter_refusals import LimitRefusal
from core.llm.limiter_reports import EndReason, RunningReport
from core.llm.limiter_state import InFlightRequest


class Permit:
    """Permission to send one request; records what happens to it. Use it as a block.

    Leaving the block returns the permit. An exception that leaves it says how the request ended:
    refused by Kimi for a limit, answered with another error, or else aborted, unless
    :meth:`mark_finished` was called before.
    """

    def __init__(self, request: InFlightRequest, now: Callable[[], float], wake: Callable[[], None]) -> None:
        """Hold the permit for ``request``.

        Args:
            request: the granted request.
            now: returns the time that all replicas agree on, in seconds.
            wake: lets the limiter report the request at once.
        """
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
        if isinstance(error, KimiRateLimited | KimiQuotaExhausted):
            self.mark_refused(error)
        answered = self._finished or (isinstance(error, KimiError) and error.status is not None)
        self._release("ended" if error is None or answered else "broken")

    def mark_arrived(self) -> None:
        """Record that Kimi began to answer: the request was admitted."""
        if self.report.arrived_at is None:
            self.report = replace(self.report, arrived_at=self._now())
            if self.report.is_probe:
                self._wake()

    def set_token_count(self, tokens: int) -> None:
        """Record the tokens that Kimi counted, the requested completion included; never lowers the count."""
        self.report = replace(self.report, tokens=max(self.report.tokens, tokens))

    def mark_finished(self) -> None:
        """Record that the whole reply was read: nothing of it runs on at Kimi."""
        self._finished = True

    def mark_refused(self, error: KimiRateLimited | KimiQuotaExhausted) -> None:
        """Record that Kimi refused the request for a limit of the account or for its empty balance."""
        if isinstance(error, KimiQuotaExhausted):
            refusal = LimitRefusal(limit="quota")
        else:
            refusal = LimitRefusal(
                limit=error.limit, value=error.limit_value, retry_after_s=error.retry_after_s or 0.0
            )
        self.report = replace(self.report, refusal=refusal)
        self._release("refused")

    def release_unsent(self) -> None:
        """Return the permit of a request that was never sent."""
        self._release("unsent")

    def _release(self, reason: EndReason) -> None:
        if self.report.end_reason is None:
            self.report = replace(self.report, end_reason=reason)
            self._wake()
