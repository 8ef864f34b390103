"""Official tools run at Kimi; what they name is kept as sources."""

import pytest

from bots.simulator.kimi import KimiSimulator
from core.kimi import AsyncKimi, KimiEndpointMissing
from core.tools import SourceLink, ToolError
from core.tools.formula import WEB_SEARCH_URI, extract_sources, load_formula_tools, parse_fiber


def test_named_pages_are_sources_once_each() -> None:
    """Every address in a result becomes one source, with its title where there is one."""
    text = (
        '[{"title": "Tea", "url": "https://a.example/tea"}, {"url": "https://a.example/tea"}, {"url": "x:y"}]'
    )
    assert extract_sources(text) == (SourceLink(url="https://a.example/tea", title="Tea"),)


def test_addresses_in_plain_text_are_found() -> None:
    """A result that is no JSON is searched for addresses, without the punctuation behind them."""
    assert [one.url for one in extract_sources("见 https://b.example/页，and (https://c.example/x).")] == [
        "https://b.example/页",
        "https://c.example/x",
    ]


def test_an_encrypted_result_is_passed_on_as_it_is() -> None:
    """What only Kimi can read is handed back unread."""
    fiber = {"status": "succeeded", "context": {"encrypted_output": "AAAA"}}
    assert parse_fiber("web_search", fiber, "{}").text == "AAAA"


def test_a_fetched_page_is_a_source_even_when_encrypted() -> None:
    """The page that was asked for is known from the arguments."""
    fiber = {"status": "succeeded", "context": {"encrypted_output": "AAAA"}}
    result = parse_fiber("fetch", fiber, '{"url": "https://d.example/"}')
    assert result.sources == (SourceLink(url="https://d.example/"),)


@pytest.mark.parametrize("fiber", [{"status": "failed", "error": "timeout"}, {}, [], None])
def test_a_fiber_that_failed_is_a_fault(fiber: object) -> None:
    """Whatever shape a failure has, the model is told that the tool failed."""
    with pytest.raises(ToolError, match="web_search failed"):
        parse_fiber("web_search", fiber, "{}")


async def test_formulas_are_found_and_run_at_the_provider() -> None:
    """A formula's function is described and run over the real wire."""
    async with (
        KimiSimulator() as simulator,
        AsyncKimi(api_key="sk-test", base_url=simulator.base_url) as kimi,
    ):
        (search,) = await load_formula_tools(kimi, WEB_SEARCH_URI)
        assert search.name == "web_search"
        found = await search.run('{"query": "tea"}')
        assert [one.url for one in found.sources] == [
            "https://moon.example/overview",
            "https://tea.example/practice",
        ]
        simulator.formulas.failing.append("timeout")
        with pytest.raises(ToolError, match="web_search failed"):
            await search.run('{"query": "tea"}')
        with pytest.raises(ToolError, match="not available"):
            await search.run("no json")


async def test_a_provider_without_formulas_says_so() -> None:
    """Ace Data Cloud has no formulas: that is its own kind of error."""
    async with (
        KimiSimulator() as simulator,
        AsyncKimi(api_key="sk-test", base_url=simulator.ace_url) as kimi,
    ):
        with pytest.raises(KimiEndpointMissing):
            await load_formula_tools(kimi, WEB_SEARCH_URI)
