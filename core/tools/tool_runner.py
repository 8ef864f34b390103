"""Runs the tools that the model calls during one answer."""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from core.concurrency.deadline import DeadlineExceeded, run_with_timeout
from core.domain.answer_steps import ToolCallOutcome, ToolCallReport
from core.domain.clock import Clock
from core.kimi import ImagePart, Message, MessageContent, TextPart, ToolCall
from core.kimi.json_decoding import decode_json
from core.ports.tools import Approval
from core.text.visible_text import clean_text
from core.tools import SourceLink, Tool, ToolError, ToolResult

log = structlog.get_logger(__name__)

INVALID_ARGUMENTS: Final = '{"invalid": true}'
"""Sent back in place of arguments that are no JSON, which Kimi refuses in a request."""

MAX_NAME_CHARS: Final = 64
_NO_NAME_CHARS: Final = re.compile(r"[^a-zA-Z0-9_$-]")

NO_REASONING: Final = " "
"""Kimi demands reasoning in every assistant message with tool calls; "" counts as missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolLimits:
    """Limits of one answer's tool calls."""

    max_rounds: int = 5  #: requests that offer tools; then the model has to answer
    max_calls_per_round: int = 8  #: further calls of a round are not run
    timeout_s: float = 30.0  #: of one call
    max_output_chars: int = 24_000  #: of one result; the rest is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgress:
    """One call as it begins or ends, to be shown."""

    id: str  #: unique within the answer's attempt
    call: ToolCall
    outcome: ToolCallOutcome | None = None  #: None while it runs
    sources: tuple[SourceLink, ...] = ()  #: the pages that it found


class ToolRunner:
    """Runs the calls of one answer. A failure is reported to the model, not to the person."""

    def __init__(
        self,
        tools: Sequence[Tool],
        clock: Clock,
        *,
        on_progress: Callable[[ToolProgress], None],
        limits: ToolLimits | None = None,
        reads_images: bool = False,
        granted: Collection[str] = (),
        transcript: Sequence[Message] = (),
        sources: Sequence[SourceLink] = (),
    ) -> None:
        """Run ``tools`` for one answer.

        Args:
            tools: that the model may call.
            clock: measures the time of a call.
            on_progress: receives each call that is run, when it begins and when it ends.
            limits: of the answer's calls.
            reads_images: whether the model receives images that tools return.
            granted: names of tools that need no approval.
            transcript: rounds that an earlier part of the answer made.
            sources: pages that those rounds found.
        """
        self._granted = frozenset(granted)
        self._transcript = list(transcript)
        self._pending: tuple[ToolCall, ...] = ()
        self._reads_images = reads_images
        self._tools = {tool.name: tool for tool in tools}
        self._clock = clock
        self._on_progress = on_progress
        self._runs_begun = 0
        self._limits = limits or ToolLimits()
        self._rounds_run = sum(message.role == "assistant" for message in transcript)
        self._sources = {source.url: source for source in sources}
        self._reports: list[ToolCallReport] = []

    @property
    def definitions(self) -> tuple[dict[str, Any], ...]:
        """The definitions that the next request offers; none after the last round."""
        if self._rounds_run >= self._limits.max_rounds:
            return ()
        return tuple(dict(tool.definition) for tool in self._tools.values())

    @property
    def sources(self) -> Sequence[SourceLink]:
        """The pages that the tools found, each once."""
        return tuple(self._sources.values())

    @property
    def reports(self) -> Sequence[ToolCallReport]:
        """The calls that have ended, in the order of their ends."""
        return tuple(self._reports)

    @property
    def pending(self) -> Sequence[ToolCall]:
        """Calls that were not made, since a person has to approve them; the answer ends with the question."""
        return self._pending

    @property
    def transcript(self) -> Sequence[Message]:
        """All rounds up to now; the results of :attr:`pending` are missing."""
        return tuple(self._transcript)

    async def run_approved(self, calls: Sequence[ToolCall]) -> Sequence[MessageContent]:
        """Run calls that a person approved; return their results."""
        return await asyncio.gather(*(self._run_call(at, call) for at, call in enumerate(calls)))

    async def run_batch(self, calls: Sequence[ToolCall], *, text: str, reasoning: str) -> tuple[Message, ...]:
        """Run one round of calls; return the messages that report it to the model.

        Args:
            calls: in the order in which the model made them.
            text: the model's text before the calls, in this round.
            reasoning: the model's thinking before the calls, in this round.
        """
        self._rounds_run += 1
        calls = [_as_valid_call(call) for call in calls]
        self._pending = tuple(call for at, call in enumerate(calls) if self._needs_approval(at, call))
        made = [(at, call) for at, call in enumerate(calls) if call not in self._pending]
        results = await asyncio.gather(*(self._run_call(at, call) for at, call in made))
        request = Message(
            role="assistant", content=text, reasoning=reasoning or NO_REASONING, tool_calls=tuple(calls)
        )
        answers = (
            Message(role="tool", content=result, tool_call_id=call.id)
            for (_, call), result in zip(made, results, strict=True)
        )
        self._transcript += (request, *answers)
        return tuple(self._transcript[-1 - len(made) :])

    def _needs_approval(self, index: int, call: ToolCall) -> bool:
        tool = self._tools.get(call.name)
        return (
            tool is not None
            and tool.approval is Approval.ASK
            and call.name not in self._granted
            and call.arguments != INVALID_ARGUMENTS
            and index < self._limits.max_calls_per_round
        )

    async def _run_call(self, index: int, call: ToolCall) -> MessageContent:
        """Return the result of one call as the model reads it, and report how it ended."""
        began_at = self._clock.time()
        outcome, content = await self._outcome_of(index, call)
        took_s = self._clock.time() - began_at
        self._reports.append(ToolCallReport(name=call.name, outcome=outcome, duration_s=took_s))
        return content

    async def _outcome_of(self, index: int, call: ToolCall) -> tuple[ToolCallOutcome, MessageContent]:
        if call.arguments == INVALID_ARGUMENTS:
            return ToolCallOutcome.REFUSED, "The arguments were no valid JSON object; the tool was not run."
        tool = self._tools.get(call.name)
        if tool is None:
            return ToolCallOutcome.REFUSED, f"There is no tool {call.name!r}."
        if index >= self._limits.max_calls_per_round:
            return ToolCallOutcome.REFUSED, "Too many calls at once; this one was not run."
        self._runs_begun += 1
        progress = ToolProgress(id=str(self._runs_begun), call=call)
        self._on_progress(progress)
        outcome, content, sources = await self._run_tool(tool, call)
        self._on_progress(replace(progress, outcome=outcome, sources=sources))
        return outcome, content

    async def _run_tool(
        self, tool: Tool, call: ToolCall
    ) -> tuple[ToolCallOutcome, MessageContent, tuple[SourceLink, ...]]:
        """Run a tool; return the outcome, the result as the model reads it, and the pages that it found."""
        try:
            result = await run_with_timeout(
                _await_result(tool, call.arguments), self._limits.timeout_s, self._clock
            )
        except DeadlineExceeded:
            log.info("tool.call_timed_out", tool=call.name)
            text = f"The tool could not do it: no answer within {self._limits.timeout_s:g} s"
            return ToolCallOutcome.TIMED_OUT, text, ()
        except ToolError as exc:
            # Not its text, which may repeat the person's question.
            log.info("tool.call_failed", tool=call.name, cause=type(exc.__cause__).__name__)
            return ToolCallOutcome.FAILED, clean_text(f"The tool could not do it: {exc}"), ()
        for source in result.sources:
            self._sources.setdefault(source.url, source)
        return ToolCallOutcome.DONE, self._content_of(result), tuple(result.sources)

    def _content_of(self, result: ToolResult) -> MessageContent:
        """Return a result as the model receives it and as it is stored: cut, without what no database takes.

        Images are left out for a model that cannot read them.
        """
        is_cut = len(result.text) > self._limits.max_output_chars
        text = clean_text(result.text[: self._limits.max_output_chars]) or "(nothing)"
        text += "\n[cut]" if is_cut else ""
        if not result.images:
            return text
        if not self._reads_images:
            return f"{text}\n[{len(result.images)} images are left out: this model reads none]"
        pictures = (ImagePart(f"data:{image.media_type};base64,{image.base64}") for image in result.images)
        return (TextPart(text), *pictures)


def _as_valid_call(call: ToolCall) -> ToolCall:
    """Return a call that Kimi accepts in the next request: a plain name, and arguments that are JSON.

    Models write raw control characters into strings, which Moonshot's own client tolerates as well; other
    faults cannot be mended (MoonshotAI/kimi-cli#1171, #2165).
    """
    name = _NO_NAME_CHARS.sub("_", call.name)[:MAX_NAME_CHARS]
    try:
        value = decode_json(call.arguments.encode()) if call.arguments.strip() else {}
    except ValueError:
        value = None
    if not isinstance(value, dict):
        log.info("tool.arguments_invalid")
        return replace(call, name=name, arguments=INVALID_ARGUMENTS)
    try:
        json.loads(call.arguments)
    except ValueError:
        return replace(call, name=name, arguments=json.dumps(value, ensure_ascii=False))
    return replace(call, name=name)


async def _await_result(tool: Tool, arguments: str) -> ToolResult:
    return await tool.run(arguments)
