"""The demo's script with the shop's tools."""

from typing import Any

import pytest

from bots.simulator.kimi import SeenRequest, demo_script
from tests.bots.simulator.kimi.test_demo_service import seen

TOOLS = [{"type": "function", "function": {"name": name}} for name in ("stock", "reserve")]


def reserving(
    *results: str, tools: Any = TOOLS, text: str = "Reserve two tins of jasmine tea"
) -> SeenRequest:
    """A request behind these results of tools."""
    request = seen(("user", text), *(("tool", result) for result in results))
    request.body["tools"] = tools
    return request


@pytest.mark.parametrize("text", ["Reserve two tins of jasmine tea", "帮我预订两罐茉莉花茶"])
def test_it_looks_asks_and_says_what_came_of_it(text: str) -> None:
    """The stock first, then the reservation that a person approves; a denied one is none."""
    look, ask = demo_script(reserving(text=text)), demo_script(reserving("11", text=text))
    assert [look.tool_calls[0].name, ask.tool_calls[0].name] == ["stock", "reserve"]
    done = demo_script(reserving("11", "2 × jasmine tea: reserved", text=text))
    denied = demo_script(reserving("11", "The person did not allow this call.", text=text))
    assert done.text != denied.text
    assert not done.tool_calls
    assert not denied.tool_calls


def test_without_the_tools_it_talks() -> None:
    """Where a chat may not use them, it answers as ever."""
    assert demo_script(reserving(tools=None)).text.startswith("I am a **scripted stand-in**")
