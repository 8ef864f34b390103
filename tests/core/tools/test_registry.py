"""Which tools an answer may use."""

from typing import Any

import pytest

from core.kimi import KimiEndpointMissing, KimiUnavailable, ToolCall
from core.store import Database
from core.tools import SourceLink
from core.tools.formula import BUILTIN_SEARCH_NAME
from core.tools.registry import ToolRegistry, sources_text, tool_status_text

pytestmark = pytest.mark.virtual_time


class Formulas:
    """Kimi's formulas, or what stands in their place."""

    def __init__(self, error: Exception | None) -> None:
        self.error, self.asked = error, 0

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Describe one function, or fail."""
        self.asked += 1
        if self.error is not None:
            raise self.error
        return {"tools": [{"type": "function", "function": {"name": path.split("/")[3].partition(":")[0]}}]}


async def names(toolbox: ToolRegistry, *, thinks: bool, searches: bool | None = True) -> list[str]:
    """The names of an answer's tools."""
    return [tool.name for tool in await toolbox.tools_for_answer(searches, model_thinks=thinks)]


async def test_where_formulas_are_absent_the_older_search_stands_in(virtual_database: Database) -> None:
    """It refuses models that think, and what it is called with goes back as it came."""
    formulas = Formulas(KimiEndpointMissing("no such endpoint"))
    toolbox = ToolRegistry(virtual_database, formulas, [], search_by_default=False)
    assert await names(toolbox, thinks=False) == [BUILTIN_SEARCH_NAME]
    assert await names(toolbox, thinks=True) == []
    assert formulas.asked == 1
    (search,) = await toolbox.tools_for_answer(True, model_thinks=False)
    assert search.definition == {"type": "builtin_function", "function": {"name": "$web_search"}}
    assert (await search.run('{"query": "tea"}')).text == '{"query": "tea"}'
    assert tool_status_text(ToolCall("1", BUILTIN_SEARCH_NAME, '{"query": "tea"}'), "zh") == "正在搜索：tea"


@pytest.mark.parametrize(
    ("error", "thinks", "offered"),
    [
        (None, True, True),
        (KimiEndpointMissing("no such endpoint"), True, False),
        (KimiEndpointMissing("no such endpoint"), False, True),
        (KimiUnavailable("down"), True, True),
    ],
)
async def test_a_search_is_offered_if_the_provider_has_one(
    virtual_database: Database, error: Exception | None, thinks: bool, offered: bool
) -> None:
    """Hosts without formulas search only while the model does not think; an outage says nothing."""
    toolbox = ToolRegistry(virtual_database, Formulas(error), [], search_by_default=False)
    assert await toolbox.can_search(model_thinks=thinks) is offered


async def test_formulas_that_fail_now_are_asked_again(virtual_database: Database) -> None:
    """An answer goes without them; the next one has them."""
    formulas = Formulas(KimiUnavailable("down"))
    toolbox = ToolRegistry(virtual_database, formulas, [], search_by_default=True)
    assert await names(toolbox, thinks=True, searches=None) == []
    formulas.error = None
    assert await names(toolbox, thinks=True, searches=None) == ["web-search", "fetch"]
    assert await names(toolbox, thinks=True, searches=False) == []


def test_sources_are_links_that_cannot_break_out() -> None:
    """A page's title is one line without markup, and short; its address ends where the link does."""
    note = sources_text(
        [
            SourceLink(url="https://a.test", title="x](https://evil.test) **[y**\n" + "z" * 200),
            SourceLink(url="https://a.test/) **free** [money](https://evil.test", title=""),
            SourceLink(url="javascript:alert(1)", title="J"),
        ],
        "en",
    )
    assert note.splitlines()[0] == "**Sources**"
    assert note.splitlines()[1].startswith("- [x (https://evil.test) y z")
    assert note.splitlines()[1].endswith("z…](https://a.test)")
    assert note.splitlines()[2].endswith("](https://a.test/%29%20**free**%20%5Bmoney%5D%28https://evil.test)")
    assert note.splitlines()[3] == "- J"
    assert len(note.splitlines()) == 4
