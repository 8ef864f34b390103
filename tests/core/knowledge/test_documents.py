"""What files of text become."""

import pytest

from core.domain.file_states import FileFault
from core.files.file_policy import UnusableFile
from core.knowledge.documents import parse_document

PAGE = """<html><head><title>Help</title><link rel="canonical" href="https://x.example/help">
<style>p {}</style></head><body><nav>Home About</nav><h1>Help</h1><h2>Returns &amp; refunds</h2>
<p>Within <b>seven</b> days.</p><ul><li>unopened</li><li>unused</li></ul><script>var x;</script>
<h2>Hours</h2><table><tr><td>Mon</td><td>closed</td></tr></table><footer>(c)</footer></body></html>"""


def test_a_page_is_read_with_its_headings() -> None:
    """HTML gives its headings and words, not what surrounds them, and its canonical address."""
    returns, hours = parse_document(PAGE, name="help.html", extension="html").passages
    assert returns.path == ("Help", "Returns & refunds")
    assert returns.text == "Within seven days.\n\n- unopened\n- unused"
    assert returns.url == "https://x.example/help"
    assert "Mon | closed" in hours.text
    assert not any(word in one.text for one in (returns, hours) for word in ("Home", "var x", "(c)"))


@pytest.mark.parametrize("head", ["question,answer,url", "问题;答案;链接", "Q\tA\tlink"])
def test_a_table_gives_a_passage_for_each_question(head: str) -> None:
    """A question is the heading of its answer, whatever separates the columns and names them."""
    mark = next(mark for mark in ",;\t" if mark in head)
    rows = [head, mark.join(["Open?", "Yes.", "https://x.example"]), mark.join(["", "", ""])]
    (found,) = parse_document("\n".join(rows), name="faq.csv", extension="csv").passages
    assert (found.heading, found.text, found.url) == ("Open?", "Yes.", "https://x.example")


def test_front_matter_tells_the_address() -> None:
    """``url:`` in Markdown's front matter is where people read it; the front matter is no text."""
    (found,) = parse_document(
        "---\nurl: https://x.example/a\n---\n# A\n\nWords.", name="a.md", extension="md"
    ).passages
    assert (found.text, found.url) == ("Words.", "https://x.example/a")


@pytest.mark.parametrize(
    ("text", "ending", "fault"),
    [
        ("a,b\n1,2", "csv", FileFault.MISLABELLED),
        ("# Only a heading", "md", FileFault.NO_TEXT),
        ("", "csv", FileFault.MISLABELLED),
    ],
)
def test_what_holds_no_knowledge_is_refused(text: str, ending: str, fault: FileFault) -> None:
    """A table without the two columns, and a text without words, are refused with the reason."""
    with pytest.raises(UnusableFile) as caught:
        parse_document(text, name="x", extension=ending)
    assert caught.value.fault is fault
