"""An answer as Telegram messages: every frame valid, no word lost."""

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.simulator.telegram.entities import checked
from bots.telegram.entities import utf16_length
from bots.telegram.outgoing_markdown import to_entities
from bots.telegram.render import ENTITY_LIMIT, TEXT_LIMIT_UNITS, TelegramRenderer
from core.domain.bot_messages import RenderedMessage
from core.markdown.foreign_markup import remove_comments

CORPUS = Path(__file__).parents[2] / "corpus"
SAMPLES = sorted(CORPUS.glob("*.md"))
SOLID = {"pre", "code"}
PIECES = (
    "**¦*¦`¦``¦```¦\n¦\n\n¦- ¦1. ¦> ¦| a | b |\n¦|---|---|\n¦    ¦ ¦[x](¦)¦# ¦[¦]¦(¦https://a.b¦"
    "word ¦重要。¦snake_case¦~~¦||¦<t>¦<¦&amp;¦```py\n¦~~~¦\\¦_¦---\n¦a¦\t¦!¦![¦$¦\\(¦\\)¦"
    "<!--¦-->¦<br>¦\\frac{1}{2}¦$$¦👨‍👩‍👧¦"
    "[x](http://a.b)¦- [x] ¦\u3000¦\r\n"
)
SOUP = st.lists(st.sampled_from(PIECES.split("¦")), max_size=40).map("".join)


def check_page(page: RenderedMessage) -> None:
    """Everything the platform asks of one message."""
    assert page.text
    assert checked(page.text, list(page.payload)) == (page.text, page.payload)
    size = utf16_length(page.text)
    assert size <= TEXT_LIMIT_UNITS
    assert len(page.payload) <= ENTITY_LIMIT
    encoded = page.text.encode("utf-16-le")
    spans = []
    for entity in page.payload:
        assert isinstance(entity, dict)
        start, end = entity["offset"], entity["offset"] + entity["length"]
        assert 0 <= start < end <= size
        encoded[2 * start : 2 * end].decode("utf-16-le")  # raises where a surrogate pair is torn
        spans.append((start, end, entity["type"]))
        assert set(entity) <= {"type", "offset", "length", "url", "language"}
        if entity["type"] == "text_link":
            assert re.match(r"(https?://|mailto:|tg:)", entity["url"], re.IGNORECASE)
    check_nesting(spans)


def check_nesting(spans: list[tuple[int, int, str]]) -> None:
    """Entities lie in one another or apart; code holds nothing."""
    for index, (start, end, kind) in enumerate(spans):
        for other_start, other_end, other_kind in spans[index + 1 :]:
            if other_start >= end or other_end <= start:
                continue
            inside = (start <= other_start and other_end <= end) or (
                other_start <= start and end <= other_end
            )
            assert inside, "entities cross"
            assert kind != other_kind, "an entity in one of its own kind"
            if SOLID & {kind, other_kind}:
                assert {kind, other_kind} - SOLID == {"blockquote"}, "code holds or stands in another entity"


def words(text: str) -> Counter[str]:
    """Count the words of a text."""
    return Counter(re.findall(r"[^\W_]+", text))


def grow(text: str, step: int) -> list[RenderedMessage]:
    """Feed every prefix and check every frame; return the final pages."""
    pager = TelegramRenderer()
    before: list[RenderedMessage] = []
    for end in range(0, len(text), step):
        pages = list(pager.render(text[:end], complete=False))
        for page in pages[max(0, len(before) - 1) :]:
            check_page(page)
        assert pages[: max(0, len(before) - 1)] == before[:-1]
        before = pages
    final = list(pager.render(text, complete=True))
    assert final[: max(0, len(before) - 1)] == before[:-1]
    for page in final:
        check_page(page)
    assert final == list(TelegramRenderer().render(text, complete=True))
    return final


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_prefix_of_a_sample_makes_valid_frames(path: Path) -> None:
    """Lengths, ranges and nesting hold, earlier pages stand still, and no word is lost or doubled."""
    text = path.read_text(encoding="utf-8")
    pages = grow(text, step=1 if len(text) < 150 else 601)
    whole, _ = to_entities(remove_comments(text, complete=True))
    shown = ("" if path.stem == "long_word" else "\n").join(page.text for page in pages)
    repeated = words(shown) - words(whole)
    assert not words(whole) - words(shown)
    assert set(repeated) <= words("# Name Value").keys()


def test_a_long_answer_of_everything_keeps_every_word() -> None:
    """All samples as one answer of about 100 KB come out complete over dozens of messages."""
    text = "\n\n".join(
        path.read_text(encoding="utf-8").strip() + ("\n```" if path.stem in ("fence_never_closed",) else "")
        for path in SAMPLES
        if path.stem not in ("long_word",)
    )
    pages = grow(text, step=4001)
    whole, _ = to_entities(remove_comments(text, complete=True))
    assert not words(whole) - words("\n".join(page.text for page in pages))
    assert len(pages) > 20


@given(text=SOUP)
@settings(max_examples=60)
def test_random_soup_makes_valid_frames(text: str) -> None:
    """Validity does not hang on the Markdown being sensible."""
    grow(text, step=3)


def test_nothing_is_shown_of_nothing() -> None:
    """Empty and blank answers have no pages, whole or not."""
    pager = TelegramRenderer()
    assert pager.render("", complete=False) == []
    assert pager.render(" \n\n ", complete=False) == []
    assert pager.render(" \n\n ", complete=True) == []


def test_a_page_that_is_full_begins_the_next_with_open_code() -> None:
    """A code block over several messages is code with its language in each."""
    code = "```python\n" + "\n".join(f"value_{i} = {i}" for i in range(700)) + "\n```"
    pages = TelegramRenderer().render(code, complete=True)
    assert len(pages) > 2
    for page in pages:
        assert page.payload == (
            {"type": "pre", "offset": 0, "length": utf16_length(page.text), "language": "python"},
        )


@pytest.mark.slow
def test_many_entities_in_one_line_are_cut_where_they_are_too_many() -> None:
    """A single line of links goes over several messages, the same at whatever lengths it was seen."""
    text = "Links: " + "".join(f"[l{i}](https://x.y/{i}) and `c{i}` or *i{i}*; " for i in range(90))
    pages = grow(text, step=61)
    assert len(pages) > 2
    for end in range(len(text) - 400, len(text), 37):
        assert list(TelegramRenderer().render(text[:end], complete=False))[:2] == pages[:2]


def test_markup_that_nobody_means_is_shown_as_it_is() -> None:
    """Thousands of nested quotes neither vanish nor stop the service."""
    (page,) = TelegramRenderer().render(">" * 500 + " deep", complete=True)
    assert page.text.endswith("deep")


def test_a_padded_table_takes_as_few_messages_as_it_shows() -> None:
    """Cells that the source pads, as prettier and models do, count once: 8.8 kB are three messages (F28)."""
    rows = [[f"Row {row}", "Some words.", f"A longer explanation of row {row}. " * 4] for row in range(32)]
    widths = (20, 60, 180)
    lines = [
        "| " + " | ".join(cell[:w].ljust(w) for cell, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    for renderer in (TelegramRenderer(), TelegramRenderer(max_table_columns=10_000)):
        pages = renderer.render("\n".join(lines), complete=True)
        assert len(pages) == 3
        assert all(utf16_length(page.text) <= 4096 for page in pages)
        shown = "\n".join(page.text for page in pages)
        assert all(f"explanation of row {row}." in shown for row in range(32))


CELLS = st.sampled_from(
    [
        "",
        "x",
        "words of a cell",
        "长文本" * 8,
        "**b**",
        "[l](https://x.y/z)",
        "a<br>b",
        "👨‍👩‍👧",
        "`a|b`",
        "$x_1$",
    ]
)


@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=7), min_size=2, max_size=90),
    prefix=st.sampled_from(["", "> ", "- "]),
    wide=st.booleans(),
)
@settings(max_examples=20)
def test_every_table_fits_its_messages(rows: list[list[str]], prefix: str, wide: bool) -> None:
    """As a list or in columns, a table is split where messages are full and never shown as its source."""
    if wide:
        rows[-1] = [cell * 3 + " and more" for cell in rows[-1]]
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    indent = prefix.replace("-", " ")
    text = prefix + f"\n{indent}".join(lines)
    pages = TelegramRenderer().render(text + "\n", complete=True)
    assert all(utf16_length(page.text) <= TEXT_LIMIT_UNITS for page in pages)
    assert not any("|---|" in page.text for page in pages)
