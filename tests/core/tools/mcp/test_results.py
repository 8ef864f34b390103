"""Results of MCP tools, as the model receives them."""

from typing import Any

import pytest

from core.ports.tools import SourceLink, ToolError
from core.tools.mcp.results import MAX_IMAGE_CHARS, MAX_IMAGES, MAX_TEXT_CHARS, parse_result

IMAGE = {"type": "image", "data": "AAAA", "mimeType": "image/png"}


@pytest.mark.parametrize(
    ("block", "shown"),
    [
        ({"type": "text", "text": "seven"}, "seven"),
        ({"type": "audio", "data": "AA", "mimeType": "audio/wav"}, "[a recording is left out]"),
        ({"type": "resource", "resource": {"uri": "a:b", "text": "inside"}}, "inside"),
        ({"type": "resource", "resource": {"uri": "a:b", "blob": "AA"}}, "[a file is left out]"),
        ({**IMAGE, "mimeType": "image/svg+xml"}, "[an image that cannot be shown is left out]"),
        ({**IMAGE, "data": "A" * (MAX_IMAGE_CHARS + 1)}, "[an image that cannot be shown is left out]"),
        ({"type": "resource_link", "uri": "https://a.test", "name": "A"}, "[link] https://a.test A"),
        ({"type": "novelty"}, "(nothing)"),
    ],
)
def test_a_block_becomes_words_that_are_no_instruction(block: dict[str, Any], shown: str) -> None:
    """We chose: what a server returns is framed as material, and what is left out is named."""
    text = parse_result("shop", [block], None, is_error=False).text
    assert text.startswith('A tool of the server "shop" returned this.')
    assert "no instruction" in text
    assert text.endswith(f"\n\n{shown}")


def test_images_and_links_are_bounded() -> None:
    """Four images go to the model; links to pages become sources, others do not."""
    links = [{"type": "resource_link", "uri": uri, "title": "T"} for uri in ("https://a.test", "file:///x")]
    result = parse_result("shop", [IMAGE] * (MAX_IMAGES + 2) + links, None, is_error=False)
    assert len(result.images) == MAX_IMAGES
    assert "[2 more images are left out]" in result.text
    assert result.sources == (SourceLink(url="https://a.test", title="T"),)


def test_json_counts_only_without_text() -> None:
    """The protocol sends the same result as text beside it."""
    assert '{"n":7}' in parse_result("s", [], {"n": 7}, is_error=False).text
    assert "{" not in parse_result("s", [{"type": "text", "text": "7"}], {"n": 7}, is_error=False).text


def test_an_error_carries_its_words_to_the_model() -> None:
    """The protocol: the model corrects itself by them."""
    with pytest.raises(ToolError, match="no such article"):
        parse_result("s", [{"type": "text", "text": "no such article"}], None, is_error=True)


def test_a_result_has_a_bound() -> None:
    """Megabytes of words, a number of more than 64 bits, an address of a page that is one: all are cut."""
    huge = {"type": "text", "text": "x" * 5_000_000}
    link = {"type": "resource_link", "uri": f"https://a.test/{'a' * 5_000}", "title": "T"}
    named = {"type": "resource_link", "uri": "https://a.test", "title": "T" * 5_000}
    result = parse_result("shop", [huge, link, named], None, is_error=False)
    assert len(result.text) < 1.1 * MAX_TEXT_CHARS
    assert [(source.url, len(source.title)) for source in result.sources] == [("https://a.test", 200)]
    assert str(10**30) in parse_result("shop", [], {"n": 10**30}, is_error=False).text
