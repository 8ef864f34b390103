"""Tool calls from fragments, also those of servers that leave things out."""

from typing import Any

import pytest

from core.kimi import ToolCall
from core.kimi.tool_calls import ToolCallAssembler


def piece(arguments: object = None, *, name: str | None = None, **members: Any) -> dict[str, Any]:
    """One fragment."""
    return {"function": {"name": name, "arguments": arguments}, **members}


@pytest.mark.parametrize(
    ("fragments", "expected"),
    [
        pytest.param(
            [piece("{", name="a", id="x"), piece("}"), piece("[", name="b", id="y"), piece("]")],
            [ToolCall("x", "a", "{}"), ToolCall("y", "b", "[]")],
            id="no index at all",
        ),
        pytest.param(
            [piece("{}", name="a", id="x", index=0), piece("[]", name="b", id="y", index=0)],
            [ToolCall("x", "a", "{}"), ToolCall("y", "b", "[]")],
            id="the same index for two",
        ),
        pytest.param(
            [piece("{", index=0), piece("}", name="a", id="x", index=0)],
            [ToolCall("x", "a", "{}")],
            id="arguments before the name",
        ),
        pytest.param([piece("", name="a", index=3)], [ToolCall("a:0", "a", "")], id="no id"),
        pytest.param([piece({"q": 1}, name="a", id="x")], [ToolCall("x", "a", '{"q":1}')], id="no text"),
        pytest.param([piece("{}", index=0), {"index": 1}, "odd", {"function": "odd"}], [], id="nameless"),
    ],
)
def test_fragments_become_calls(fragments: list[Any], expected: list[ToolCall]) -> None:
    """Each call comes out once, in the order in which it began."""
    one_by_one, at_once = ToolCallAssembler(), ToolCallAssembler()
    for fragment in fragments:
        one_by_one.add_fragments([fragment])
    at_once.add_fragments(fragments)
    assert one_by_one.tool_calls() == at_once.tool_calls() == expected


@pytest.mark.parametrize("nothing", [None, [], {}, "odd"])
def test_nothing_makes_no_call(nothing: object) -> None:
    """A member without fragments is passed over."""
    drafts = ToolCallAssembler()
    drafts.add_fragments(nothing)
    assert drafts.tool_calls() == []
