"""How a text is cut."""

from core.knowledge.passage_splitter import MAX_TOKENS, Passage, parse_sections, split_into_passages
from core.text.tokens import estimate_tokens

TEXT = """# Handbook

Before all.

## Returns

### Tea

Within a week.

```
# no heading
```

### Cups

Never.
"""


def passages(text: str) -> list[Passage]:
    """Cut a Markdown text."""
    return list(split_into_passages(parse_sections(text), document="handbook.md"))


def test_a_passage_never_reaches_over_a_heading() -> None:
    """Each heading's text is a passage of its own, with the path of headings above it."""
    assert [(one.path, one.text.splitlines()[0]) for one in passages(TEXT)] == [
        (("Handbook",), "Before all."),
        (("Handbook", "Returns", "Tea"), "Within a week."),
        (("Handbook", "Returns", "Cups"), "Never."),
    ]


def test_a_hash_within_code_is_no_heading() -> None:
    """What stands between fences is text."""
    assert "# no heading" in passages(TEXT)[1].text


def test_a_long_section_is_cut_between_paragraphs() -> None:
    """Paragraphs are packed into passages of at most about 400 tokens, and nothing is lost."""
    paragraphs = [f"Paragraph {number} " + "tells something of interest. " * 12 for number in range(30)]
    found = passages("# Long\n\n" + "\n\n".join(paragraphs))
    assert len(found) > 5
    assert all(estimate_tokens(one.text) <= MAX_TOKENS * 1.2 for one in found)
    assert sum(one.text.count("Paragraph") for one in found) == 30


def test_a_wall_of_chinese_is_cut_between_sentences() -> None:
    """A paragraph beyond the limit is cut where a sentence ends."""
    found = passages("# 长文\n\n" + "这里的每一句话都说一件事情。" * 200)
    assert len(found) > 3
    assert all(one.text.endswith("。") for one in found)


def test_ids_stay_when_words_change() -> None:
    """A passage keeps its id as long as its document, its heading and its place under it stay."""
    changed = TEXT.replace("Within a week.", "Within two weeks.")
    assert [one.uid for one in passages(TEXT)] == [one.uid for one in passages(changed)]
    assert len({one.uid for one in passages(TEXT)}) == 3


def test_words_to_be_found_by_are_not_shown() -> None:
    """A comment that begins with "also" is kept apart from the text; other comments go."""
    (found,) = passages("## Returns\n\n<!-- also: money back -->\n<!-- todo -->\n\nWithin a week.")
    assert (found.text, found.aliases) == ("Within a week.", "money back")


def test_a_text_without_headings_has_its_documents_name() -> None:
    """Plain text is cut too; its passages are called as the document is."""
    (found,) = passages("Only words.")
    assert (found.label, found.path_has_title) == ("handbook.md", False)
