"""Faults on order: what a network and a tired service do to a call."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

FaultKind: TypeAlias = Literal["503", "reset", "lost_reply", "stall", "429", "error"]
Condition: TypeAlias = Callable[[Mapping[str, Any]], bool]


@dataclass(slots=True, kw_only=True)
class Fault:
    """One ordered fault and how often it will still strike."""

    method: str  #: a method's name; "*" for any
    kind: FaultKind
    seconds: float  #: length of a stall, or the Retry-After of a 429
    when: Condition | None
    times: int
    error: str = ""  #: for kind "error"


class Faults:
    """The faults that wait for their call.

    Kinds: "503" (refused, nothing happens), "reset" (connection dropped before anything happens),
    "lost_reply" (the call takes effect, then the connection drops), "stall" (the call waits
    ``seconds`` of the clock, then goes on), "429" (refused with Retry-After ``seconds``).
    """

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def next(
        self,
        method: str,
        kind: FaultKind,
        seconds: float = 1.0,
        *,
        when: Condition | None = None,
        times: int = 1,
    ) -> None:
        """Order a fault for the next ``times`` calls of ``method`` whose parameters satisfy ``when``."""
        self._waiting.append(Fault(method=method, kind=kind, seconds=seconds, when=when, times=times))

    def refuse(self, method: str, error: str, *, when: Condition | None = None, times: int = 1) -> None:
        """Answer the next ``times`` calls with Slack's error code ``error``; nothing happens."""
        fault = Fault(method=method, kind="error", seconds=0, when=when, times=times, error=error)
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget every fault that has not struck."""
        self._waiting.clear()

    def take(self, method: str, params: Mapping[str, Any]) -> Fault | None:
        """Return the first fault that concerns this call and count it as struck."""
        for fault in self._waiting:
            if fault.method in (method, "*") and (fault.when is None or fault.when(params)):
                fault.times -= 1
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None
