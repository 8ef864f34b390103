"""The calls of one answer: run together, limited, reported to the model."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from core.domain.answer_steps import ToolCallOutcome
from core.domain.clock import Clock
from core.kimi import ToolCall
from core.ports.tools import SourceLink, Tool, ToolError, ToolResult
from core.tools.tool_runner import NO_REASONING, ToolLimits, ToolProgress, ToolRunner

pytestmark = pytest.mark.virtual_time


def make_tool(name: str, run: Any) -> Tool:
    """A tool with a minimal definition."""
    return Tool(name=name, definition={"type": "function", "function": {"name": name}}, run=run)


def call(name: str, number: int = 0) -> ToolCall:
    """A call without arguments."""
    return ToolCall(id=f"{name}:{number}", name=name, arguments="{}")


async def run(runner: ToolRunner, *calls: ToolCall) -> list[str]:
    """Run one round; return the results that the model receives."""
    _, *results = await runner.run_batch(calls, text="", reasoning="")
    return [str(message.content) for message in results]


async def test_calls_of_a_round_run_at_the_same_time(loop_clock: Clock) -> None:
    """Two slow pages take as long as one; each result answers its call."""

    async def slow(arguments: str) -> ToolResult:
        await loop_clock.sleep(3)
        return ToolResult(text="page")

    runner = ToolRunner([make_tool("fetch", slow)], loop_clock, on_progress=lambda _: None)
    calls = [call("fetch", 0), call("fetch", 1)]
    request, *results = await runner.run_batch(calls, text="Let me see.", reasoning="I look.")
    assert loop_clock.time() == 3
    assert (request.role, request.content, request.reasoning) == ("assistant", "Let me see.", "I look.")
    assert request.tool_calls == tuple(calls)
    assert [(one.role, one.tool_call_id) for one in results] == [("tool", "fetch:0"), ("tool", "fetch:1")]


async def test_a_round_without_thinking_still_carries_reasoning(loop_clock: Clock) -> None:
    """Kimi refuses an assistant message with tool calls and without reasoning (seen on the wire)."""

    async def fine(arguments: str) -> ToolResult:
        return ToolResult(text="")

    runner = ToolRunner([make_tool("t", fine)], loop_clock, on_progress=lambda _: None)
    request, result = await runner.run_batch([call("t")], text="", reasoning="")
    assert request.reasoning == NO_REASONING
    assert result.content == "(nothing)"


async def test_failures_are_reported_to_the_model(loop_clock: Clock) -> None:
    """An unknown tool, a failing one and a slow one each have a text; the log has no arguments."""

    async def fail(arguments: str) -> ToolResult:
        raise ToolError("the station is closed")

    async def hang(arguments: str) -> ToolResult:
        await loop_clock.sleep(3600)
        return ToolResult(text="late")

    tools = [make_tool("fail", fail), make_tool("hang", hang)]
    runner = ToolRunner(tools, loop_clock, on_progress=lambda _: None, limits=ToolLimits(timeout_s=10))
    with capture_logs() as logs:
        results = await run(runner, call("fail"), call("hang"), call("unknown"))
    assert results == [
        "The tool could not do it: the station is closed",
        "The tool could not do it: no answer within 10 s",
        "There is no tool 'unknown'.",
    ]
    assert {log["event"] for log in logs} == {"tool.call_failed", "tool.call_timed_out"}
    assert loop_clock.time() == 10
    assert sorted((one.name, one.outcome.value, one.duration_s) for one in runner.reports) == [
        ("fail", "failed", 0),
        ("hang", "timed_out", 10),
        ("unknown", "refused", 0),
    ]


async def test_a_round_runs_a_limited_number_of_calls(loop_clock: Clock) -> None:
    """Further calls are refused, so that one answer cannot flood a service."""
    announced: list[ToolProgress] = []

    async def fine(arguments: str) -> ToolResult:
        return ToolResult(text="ok")

    runner = ToolRunner(
        [make_tool("t", fine)],
        loop_clock,
        on_progress=announced.append,
        limits=ToolLimits(max_calls_per_round=2),
    )
    results = await run(runner, *(call("t", number) for number in range(3)))
    assert results == ["ok", "ok", "Too many calls at once; this one was not run."]
    outcomes = [(one.id, one.outcome) for one in announced]
    assert outcomes[:2] == [("1", None), ("2", None)]
    assert outcomes[2:] == [("1", ToolCallOutcome.DONE), ("2", ToolCallOutcome.DONE)]


async def test_long_results_are_cut(loop_clock: Clock) -> None:
    """A page must not fill the context."""

    async def long(arguments: str) -> ToolResult:
        return ToolResult(text="x" * 100)

    limits = ToolLimits(max_output_chars=10)
    runner = ToolRunner([make_tool("t", long)], loop_clock, on_progress=lambda _: None, limits=limits)
    assert await run(runner, call("t")) == ["x" * 10 + "\n[cut]"]


async def test_results_have_nothing_that_no_database_takes(loop_clock: Clock) -> None:
    """A result is stored while another call waits for approval (PostgreSQL refuses NUL)."""

    async def odd(arguments: str) -> ToolResult:
        return ToolResult(text="a\0b\ud800c\x1b[31m")

    async def failing(arguments: str) -> ToolResult:
        raise ToolError("a\0b")

    tools = [make_tool("odd", odd), make_tool("failing", failing)]
    runner = ToolRunner(tools, loop_clock, on_progress=lambda _: None)
    assert await run(runner, call("odd"), call("failing")) == ["abc[31m", "The tool could not do it: ab"]


async def test_tools_are_offered_for_a_limited_number_of_rounds(loop_clock: Clock) -> None:
    """After the last one the model has to answer; each source is kept once."""

    async def search(arguments: str) -> ToolResult:
        return ToolResult(text="found", sources=(SourceLink(url="https://a.test"),))

    limits = ToolLimits(max_rounds=2)
    runner = ToolRunner([make_tool("search", search)], loop_clock, on_progress=lambda _: None, limits=limits)
    offered = [len(runner.definitions)]
    for _ in range(2):
        await run(runner, call("search"))
        offered.append(len(runner.definitions))
    assert offered == [1, 1, 0]
    assert runner.sources == (SourceLink(url="https://a.test"),)


@pytest.mark.parametrize(
    ("arguments", "sent_back", "runs"),
    [
        ('{"article": "a\x0bb"}', '{"article": "a\\u000bb"}', True),
        ('{"article": "a\nb"}', '{"article": "a\\nb"}', True),
        ("", "{}", True),
        ('{"article": "tea cup from the seco', '{"invalid": true}', False),
        ("[1]", '{"invalid": true}', False),
    ],
)
async def test_arguments_go_back_as_json(
    loop_clock: Clock, arguments: str, sent_back: str, runs: bool
) -> None:
    """Kimi refuses a history whose arguments are no JSON (kimi-cli#1171); the model hears of it."""

    async def fine(arguments: str) -> ToolResult:
        return ToolResult(text="in stock")

    runner = ToolRunner([make_tool("t", fine)], loop_clock, on_progress=lambda _: None)
    broken = ToolCall(id="t:0", name="t", arguments=arguments)
    request, result = await runner.run_batch([broken], text="", reasoning="")
    assert request.tool_calls[0].arguments == sent_back
    assert (result.content == "in stock") is runs


async def test_a_name_goes_back_as_a_name(loop_clock: Clock) -> None:
    """Characters that no tool's name may have are replaced; there is no such tool."""
    runner = ToolRunner([], loop_clock, on_progress=lambda _: None)
    odd = ToolCall(id="x", name="functions.look up:0", arguments="{}")
    request, result = await runner.run_batch([odd], text="", reasoning="")
    assert request.tool_calls[0].name == "functions_look_up_0"
    assert "There is no tool" in str(result.content)
