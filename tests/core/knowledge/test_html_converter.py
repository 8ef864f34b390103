"""Web pages as Markdown."""

import pytest

from core.knowledge.html_converter import html_to_markdown


def test_the_title_becomes_the_heading_of_a_page_without_one() -> None:
    """A page's only name may be its title; a page with a first heading keeps that."""
    assert html_to_markdown("<title>Help  desk</title><p>Words</p>") == ("# Help desk\n\nWords", "")
    assert html_to_markdown("<title>Help</title><h1>Shop</h1>") == ("# Shop", "")


def test_whitespace_is_kept_in_preformatted_text_only() -> None:
    """HTML says that runs of whitespace are one blank, except within ``pre``."""
    text, _ = html_to_markdown("<p>a\n  b</p><pre>x\n  y</pre>")
    assert "a b" in text
    assert "x\n  y" in text


@pytest.mark.parametrize("tag", ["script", "style", "nav", "footer", "template", "button"])
def test_text_that_is_not_content_is_left_out(tag: str) -> None:
    """Navigation and scripts of a page answer no question, nested elements included."""
    text, _ = html_to_markdown(f"<p>before</p><{tag}>no <b>no</b></{tag}><p>after</p>")
    assert text == "before\n\nafter"


def test_entities_are_characters() -> None:
    """``&amp;`` and its like are read as the characters that they stand for."""
    assert html_to_markdown("<p>R&amp;D &lt;now&gt;</p>")[0] == "R&D <now>"


def test_a_canonical_link_is_the_address() -> None:
    """A page that is read from a file still tells where people find it."""
    page = '<link rel="stylesheet" href="/x.css"><link rel="canonical" href="https://x.example/help"><p>a</p>'
    assert html_to_markdown(page) == ("a", "https://x.example/help")
