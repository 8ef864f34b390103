"""Citations of messages become links, however the reply is cut into pieces."""

import pytest

from core.llm.message_links import CitationFilter

LINKS = {1: "https://t.me/c/1/10", 2: "https://t.me/c/1/20", 3: ""}
ONE, TWO = f"[↗]({LINKS[1]})", f"[↗]({LINKS[2]})"


def filtered(text: str, chars: int) -> str:
    """Return what is shown of a text that comes in pieces of so many characters."""
    citations = CitationFilter(LINKS)
    shown = [citations.feed(text[start : start + chars]) for start in range(0, len(text), chars)]
    return "".join([*shown, citations.flush()])


@pytest.mark.parametrize("chars", [1, 2, 3, 5, 1_000])
@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ("Friday [#1].", f"Friday {ONE}."),
        ("Friday[#1][#2].", f"Friday {ONE} {TWO}."),
        ("Friday [#1, #2] and on", f"Friday {ONE} {TWO} and on"),
        ("周五发布[#1，2]。", f"周五发布 {ONE} {TWO}。"),
        ("No link [#3].", "No link."),
        ("Invented [#77].", "Invented."),
        ("Twice [#1, #1].", f"Twice {ONE}."),
        ("`list[0]` and [1] and [a](b) stay [", "`list[0]` and [1] and [a](b) stay ["),
        ("an open one [#1", "an open one [#1"),
        ("issue #12 stays", "issue #12 stays"),
    ],
)
def test_each_citation_links_to_its_message(reply: str, shown: str, chars: int) -> None:
    """A number without a link is dropped; brackets of other kinds stay as they are."""
    assert filtered(reply, chars) == shown
