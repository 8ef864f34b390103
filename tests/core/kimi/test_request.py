"""The body of a request, as Kimi's validation wants it."""

import json
from typing import Any

import pytest

from core.kimi import ChatRequest, Message, ToolCall
from core.kimi.request import chat_body

CALL = ToolCall("search:0", "search", '{"q":"a"}')


def body_of(*messages: Message, stream: bool = True, **members: Any) -> Any:
    """Return the decoded body."""
    request = ChatRequest(messages=messages, model="kimi-k2.6", max_completion_tokens=64, **members)
    return json.loads(chat_body(request, stream=stream))


def assistant(**members: Any) -> Message:
    """An assistant's message."""
    return Message(**({"role": "assistant", "content": ""} | members))


def test_the_plain_request_has_nothing_extra() -> None:
    """No sampling parameter, no empty option; usage is asked for in streams only."""
    plain = {
        "model": "kimi-k2.6",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_completion_tokens": 64,
    }
    hello = Message(role="user", content="Hi")
    assert body_of(hello) == plain | {"stream": True, "stream_options": {"include_usage": True}}
    assert body_of(hello, stream=False) == plain | {"stream": False}


def test_every_option_has_its_place() -> None:
    """What is set is sent under the API's names, and cannot replace what the client sets."""
    tool = {"type": "function", "function": {"name": "search"}}
    body = body_of(
        Message(role="user", content="Hi", name="Li"),
        thinking=False,
        reasoning_effort="high",
        sampling={"temperature": 0.6, "n": 1.0, "stream": 0.0},
        prompt_cache_key="c",
        safety_identifier="s",
        tools=(tool,),
    )
    assert body["messages"] == [{"role": "user", "content": "Hi", "name": "Li"}]
    assert body["thinking"] == {"type": "disabled"}
    assert (body["reasoning_effort"], body["temperature"], body["n"]) == ("high", 0.6, 1)
    assert isinstance(body["n"], int)
    assert (body["prompt_cache_key"], body["safety_identifier"], body["tools"]) == ("c", "s", [tool])
    assert body["stream"] is True
    assert body_of(thinking=True)["thinking"] == {"type": "enabled"}


@pytest.mark.parametrize(
    ("message", "thinking", "expected"),
    [
        pytest.param(assistant(content="Hi"), None, {"content": "Hi"}, id="plain"),
        pytest.param(assistant(), None, {"content": " "}, id="empty: one space passes"),
        pytest.param(
            assistant(content="Hi", reasoning="Hm"),
            None,
            {"content": "Hi", "reasoning_content": "Hm"},
            id="thinking is given back",
        ),
        pytest.param(
            assistant(content="He", partial=True), None, {"content": "He", "partial": True}, id="partial"
        ),
        pytest.param(
            assistant(partial=True), None, {"content": "", "partial": True}, id="partial from nothing"
        ),
    ],
)
def test_an_assistants_message_is_never_refused(
    message: Message, thinking: bool | None, expected: dict[str, Any]
) -> None:
    """Empty, partial and thoughtful messages get the form that Kimi accepts."""
    (wire,) = body_of(message, thinking=thinking)["messages"]
    assert wire == {"role": "assistant"} | expected


@pytest.mark.parametrize(
    ("reasoning", "thinking", "expected"),
    [("", None, " "), ("", True, " "), ("", False, None), ("Hm", None, "Hm"), ("Hm", False, "Hm")],
)
def test_tool_calls_carry_thinking_and_no_empty_text(
    reasoning: str, thinking: bool | None, expected: str | None
) -> None:
    """Beside tool calls a blank text is left out and thinking, while it is on, is never empty."""
    message = assistant(content=" \n", tool_calls=(CALL,), reasoning=reasoning)
    answer = Message(role="tool", content="found", tool_call_id="search:0", name="search")
    first, second = body_of(message, answer, thinking=thinking)["messages"]
    assert "content" not in first
    assert first.get("reasoning_content") == expected
    assert first["tool_calls"] == [
        {"id": "search:0", "type": "function", "function": {"name": "search", "arguments": '{"q":"a"}'}}
    ]
    assert second == {"role": "tool", "content": "found", "tool_call_id": "search:0", "name": "search"}


def test_tool_calls_keep_their_text() -> None:
    """Words that were said before a tool call go back with it."""
    (wire,) = body_of(assistant(content="Let me look.", tool_calls=(CALL,)))["messages"]
    assert wire["content"] == "Let me look."


def test_half_a_surrogate_pair_does_not_stop_a_question() -> None:
    """Text that is no valid Unicode is mended, not refused."""
    (wire,) = body_of(Message(role="user", content="a\ud83db🌙"))["messages"]
    assert wire["content"] == "a\ufffdb🌙"
