"""The tools of one answer: which may be called, running them, what they found."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from core.domain.clock import Clock
from core.kimi import Message, ToolCall
from core.tools import SourceLink, Tool, ToolError, ToolResult

log = structlog.get_logger(__name__)

#: Kimi wants every assistant message with tool calls to carry reasoning; an empty one counts as none.
NO_REASONING = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLimits:
    """What one answer may spend on tools."""

    max_rounds: int = 5  #: times that the model may ask for tools; then it has to answer
    max_calls_per_round: int = 8  #: calls that are run of one round
    timeout_s: float = 30.0  #: for one call
    max_output_chars: int = 24_000  #: of one result; the rest is cut


class ToolRunner:
    """Runs what the model asks for; a tool that fails is told to the model, never to the person."""

    def __init__(
        self,
        tools: Sequence[Tool],
        clock: Clock,
        *,
        on_call: Callable[[ToolCall], None],
        limits: ToolLimits | None = None,
    ) -> None:
        """``tell`` is called before each call runs, so that the message can say so."""
        self._tools = {tool.name: tool for tool in tools}
        self._clock = clock
        self._on_call = on_call
        self._limits = limits or ToolLimits()
        self._rounds_run = 0
        self._sources: dict[str, SourceLink] = {}

    @property
    def definitions(self) -> tuple[dict[str, Any], ...]:
        """What the next request offers; nothing once the rounds are used up."""
        if self._rounds_run >= self._limits.max_rounds:
            return ()
        return tuple(dict(tool.definition) for tool in self._tools.values())

    @property
    def sources(self) -> Sequence[SourceLink]:
        """The pages that were found, each once."""
        return tuple(self._sources.values())

    async def run_batch(self, calls: Sequence[ToolCall], *, text: str, reasoning: str) -> tuple[Message, ...]:
        """Run one round of calls; return the messages that tell the model of it.

        ``text`` and ``reasoning`` are what the model said in this round before it called.
        """
        self._rounds_run += 1
        results = await asyncio.gather(*(self._run_call(at, call) for at, call in enumerate(calls)))
        asked = Message(
            role="assistant", content=text, reasoning=reasoning or NO_REASONING, tool_calls=tuple(calls)
        )
        answers = (
            Message(role="tool", content=result, tool_call_id=call.id)
            for call, result in zip(calls, results, strict=True)
        )
        return (asked, *answers)

    async def _run_call(self, index: int, call: ToolCall) -> str:
        tool = self._tools.get(call.name)
        if tool is None:
            return f"There is no tool {call.name!r}."
        if index >= self._limits.max_calls_per_round:
            return "Too many calls at once; this one was not run."
        self._on_call(call)
        try:
            found = await self._run_with_timeout(tool, call)
        except ToolError as exc:
            # Its text may hold what somebody wanted to know.
            log.info("tool.call_failed", tool=call.name, cause=type(exc.__cause__).__name__)
            return f"The tool could not do it: {exc}"
        for source in found.sources:
            self._sources.setdefault(source.url, source)
        if len(found.text) > self._limits.max_output_chars:
            return found.text[: self._limits.max_output_chars] + "\n[cut]"
        return found.text or "(nothing)"

    async def _run_with_timeout(self, tool: Tool, call: ToolCall) -> ToolResult:
        """Run a call for as long as it may take on our clock."""
        running = asyncio.ensure_future(tool.run(call.arguments))
        timer = asyncio.ensure_future(self._clock.sleep(self._limits.timeout_s))
        try:
            await asyncio.wait({running, timer}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                return running.result()
            raise ToolError(f"no answer within {self._limits.timeout_s:g} s")
        finally:
            for task in (running, timer):
                task.cancel()
            await asyncio.gather(running, timer, return_exceptions=True)
