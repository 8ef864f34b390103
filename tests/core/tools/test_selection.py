"""Which tools a chat may use, by the words of the rule ``tools``."""

import pytest

from core.ports.tools import Tool, ToolResult
from core.tools.selection import ToolSelection


async def nothing(arguments: str) -> ToolResult:
    """Do nothing."""
    return ToolResult(text="")


def tool(name: str) -> Tool:
    """A tool; a name with "__" is that of a server's tool."""
    server = name.partition("__")[0] if "__" in name else ""
    return Tool(name=name, definition={}, run=nothing, server=server)


OWN, STOCK, ORDER, PAGES = tool("order"), tool("shop__stock"), tool("shop__order"), tool("wiki__pages")
TOOLS = (OWN, STOCK, ORDER, PAGES)


def allowed(selection: ToolSelection) -> set[str]:
    """The names of the tools that may be used."""
    return {one.name for one in TOOLS if selection.allows(one)}


@pytest.mark.parametrize(
    ("words", "in_group", "names"),
    [
        (None, True, {"order"}),
        (None, False, {"order", "shop__stock", "shop__order", "wiki__pages"}),
        (["none"], False, {"order"}),
        (["shop"], True, {"order", "shop__stock", "shop__order"}),
        (["all", "-shop"], True, {"order", "wiki__pages"}),
        (["shop", "-shop__order", "-order"], True, {"shop__stock"}),
        (["shop__stock"], True, {"order", "shop__stock"}),
        (["all", "-shop", "shop__stock"], True, {"order", "shop__stock", "wiki__pages"}),
    ],
)
def test_words_select_servers_and_single_tools(
    words: list[str] | None, in_group: bool, names: set[str]
) -> None:
    """We chose: servers are off in groups until named; a "-" takes a server or a tool away."""
    assert allowed(ToolSelection.chosen(words, in_group=in_group)) == names


@pytest.mark.parametrize(
    "words", [None, ["none"], ["shop"], ["all", "-shop"], ["shop__stock"], ["-shop__order"]]
)
@pytest.mark.parametrize("in_group", [True, False])
def test_a_switch_changes_what_it_names_and_goes_back(words: list[str] | None, in_group: bool) -> None:
    """On is on and off is off, whatever was chosen before, and words do not pile up."""
    selection = ToolSelection.chosen(words, in_group=in_group)
    for on in (True, False, True):
        changed = selection.with_tool(STOCK, on=on)
        assert (STOCK.name in allowed(changed)) is on
        assert allowed(changed) - {STOCK.name} == allowed(selection) - {STOCK.name}
        assert changed.with_server("wiki", on=on).is_server_on("wiki") is on
        assert len(changed.words) <= len(selection.words) + 1
        selection = changed


def test_a_server_that_is_used_for_one_tool_is_used() -> None:
    """Its outage is told to the model then."""
    assert ToolSelection(words=("shop__stock",)).uses_server("shop")
    assert not ToolSelection(words=("shop__stock",)).uses_server("wiki")
