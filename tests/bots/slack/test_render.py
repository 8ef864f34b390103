"""An answer as Slack messages: within the bytes, harmless, complete."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.simulator.slack.rules import check_markdown
from bots.slack.outgoing_markdown import separate_emphasis
from bots.slack.render import MAX_MESSAGE_BYTES, SlackRenderer, find_overflow
from core.domain.bot_messages import RenderedMessage
from core.markdown.foreign_markup import to_plain_markdown

SAMPLES = sorted((Path(__file__).parents[2] / "corpus").glob("*.md"))
PINGS = re.compile(r"<(?:![a-z]|@[A-Za-z0-9]|#[A-Za-z0-9])(?<!<!d)", re.IGNORECASE)
PAGE_CHARS = 11_500
PIECES = (
    "**¦*¦`¦```¦\n¦\n\n¦- ¦1. ¦> ¦| a | b |\n¦|---|---|\n¦    ¦ ¦[x](¦)¦# ¦[¦](¦https://a.b¦"
    "word ¦重要。¦重要¦snake_case¦~~¦||¦<t>¦<¦<br>¦<sub>¦</sub>¦<!--¦-->¦"
    "$x^2$¦$¦\\(¦\\)¦\\[¦\\]¦$$¦!channel>¦@U1>¦@here¦&lt;¦```py\n¦~~~¦\\¦_¦---\n¦a¦\t¦"
    "👨‍👩‍👧"
)
SOUP = st.lists(st.sampled_from(PIECES.split("¦")), max_size=40).map("".join)


def check_page(page: RenderedMessage) -> None:
    """Everything the platform asks of one message, and that it alerts nobody."""
    assert page.text.strip()
    assert page.text == page.text.rstrip().strip("\n")
    assert len(page.text.encode()) <= MAX_MESSAGE_BYTES
    assert len(page.text) <= PAGE_CHARS
    check_markdown(page.text)
    assert not PINGS.search(page.text)


def grow(text: str, step: int, *, streaming: bool) -> list[RenderedMessage]:
    """Feed every prefix and check every frame; return the final pages."""
    pager = SlackRenderer(streaming=streaming)
    before: list[RenderedMessage] = []
    for end in [*range(0, len(text), step), len(text) + 1]:
        pages = list(pager.render(text[:end], complete=end > len(text)))
        assert pages[: max(0, len(before) - 1)] == before[:-1]
        for page in pages[max(0, len(before) - 1) :]:
            check_page(page)
        if streaming and before:
            assert pages[len(before) - 1].text.startswith(before[-1].text)
        before = pages
    assert before == list(SlackRenderer(streaming=streaming).render(text, complete=True))
    return before


def letters(text: str) -> str:
    """Return what is letter or digit."""
    return "".join(char for char in text if char.isalnum())


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_every_prefix_of_a_sample_makes_valid_frames(path: Path, streaming: bool) -> None:
    """Bytes and specials are in bounds, earlier pages stand still, streams only append."""
    text = path.read_text(encoding="utf-8")
    pages = grow(text, step=1 if len(text) < 150 else 499, streaming=streaming)
    text = to_plain_markdown(text, complete=True)
    shown = "".join(page.text for page in pages)
    if len(pages) == 1:
        assert "".join(shown.replace("\u200b", "").split()) == "".join(text.replace("\u200b", "").split())
    else:
        assert len(letters(shown)) >= len(letters(text))


@pytest.mark.parametrize("streaming", [True, False])
def test_a_long_answer_of_everything_is_complete(streaming: bool) -> None:
    """All samples as one answer of about 100 KB lose no letter over their messages."""
    samples = [
        path for path in SAMPLES if path.stem not in ("fence_never_closed", "long_table", "zwsp_and_nbsp")
    ]
    text = "\n\n".join(path.read_text(encoding="utf-8").strip() for path in samples)
    pages = grow(text, step=3001, streaming=streaming)
    assert len(pages) >= 12
    text = to_plain_markdown(text, complete=True)
    shown = "".join(page.text for page in pages)
    for name in ("python", "yaml", "js"):  # languages that a reopened fence repeats
        shown, text = shown.replace(name, ""), text.replace(name, "")
    assert letters(shown) == letters(text)


@pytest.mark.parametrize("streaming", [True, False])
@given(text=SOUP, step=st.integers(1, 5))
def test_random_soup_makes_valid_frames(text: str, step: int, streaming: bool) -> None:
    """Validity does not hang on the Markdown being sensible."""
    grow(text, step, streaming=streaming)


@given(text=SOUP, times=st.integers(50, 120))
@settings(max_examples=8)
def test_long_random_soup_makes_valid_frames(text: str, times: int) -> None:
    """Nor does it where the soup fills several messages."""
    grow(text * times, max(1, len(text) * 13), streaming=True)


def test_bold_next_to_chinese_gets_a_gap() -> None:
    """Slack needs a border between emphasis and letters of scripts without spaces."""
    assert separate_emphasis("这是**重要**的") == "这是\u200b**重要**\u200b的"
    assert separate_emphasis("see **this** now, `co` de") == "see **this** now, `co` de"
    assert separate_emphasis("```\n是**x**的\n```") == "```\n是**x**的\n```"


def test_a_fence_over_two_messages_is_closed_and_opened() -> None:
    """Each of the messages is a code block with its language."""
    text = "```python\n" + "\n".join(f"value_{i} = {i}" for i in range(900)) + "\n```"
    for streaming in (True, False):
        pages = SlackRenderer(streaming=streaming).render(text, complete=True)
        assert len(pages) > 1
        assert all(page.text.startswith("```python\n") and page.text.endswith("\n```") for page in pages)


def test_nothing_is_shown_of_nothing() -> None:
    """Empty and blank answers have no pages, whole or not."""
    pager = SlackRenderer(streaming=True)
    assert pager.render("", complete=False) == []
    assert pager.render(" \n\n ", complete=False) == []
    assert pager.render(" \n\n ", complete=True) == []


@given(st.text(alphabet="a是**`é👩\n", max_size=4000))
@settings(max_examples=20)
def test_the_measure_of_a_page_is_exact_from_above(text: str) -> None:
    """Up to the length that is named, the text with its gaps is within the limit."""
    text = text * 8
    at = find_overflow(text, 1.0)
    fits = text if at is None else text[: at - 1]
    assert len(separate_emphasis(fits).encode()) <= MAX_MESSAGE_BYTES
