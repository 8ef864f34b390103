"""Faults that tests and the demo order in advance, one call at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

FaultKind: TypeAlias = Literal["502", "reset", "lost_reply", "stall", "429"]
Predicate: TypeAlias = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with the next call that matches.

    - ``502``: an HTML page of the proxy, no effect.
    - ``reset``: the connection is closed before the call has an effect.
    - ``lost_reply``: the call takes effect, then the connection is closed without a reply.
    - ``stall``: the call waits ``seconds`` of the clock, then goes on as usual, whether or not the
      caller is still there.
    - ``429``: refused with ``retry_after`` of ``seconds``; the budgets are not touched.
    """

    method: str
    kind: FaultKind
    seconds: float = 0.0
    when: Predicate | None = None


@dataclass(slots=True)
class Faults:
    """The faults still to come, in the order they were asked for."""

    waiting: list[Fault] = field(default_factory=list)

    def next(
        self,
        method: str,
        kind: FaultKind,
        *,
        seconds: float = 0.0,
        when: Predicate | None = None,
        times: int = 1,
    ) -> None:
        """Let the next ``times`` calls of ``method`` whose params satisfy ``when`` go wrong.

        ``method`` is the Bot API's name ("sendMessage"), "*" for any.
        """
        self.waiting += [Fault(method=method, kind=kind, seconds=seconds, when=when)] * times

    def take(self, method: str, params: Mapping[str, Any]) -> Fault | None:
        """Return the first fault that matches this call, and forget it."""
        for index, fault in enumerate(self.waiting):
            named = fault.method == "*" or fault.method.lower() == method.lower()
            if named and (fault.when is None or fault.when(params)):
                return self.waiting.pop(index)
        return None
