"""Entities in, Markdown out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import MessageEntity, User

from bots.telegram.incoming_markdown import bot_mentions, to_markdown
from bots.telegram.people import BotIdentity

ME = BotIdentity(id=42, username="moon_bot")


def entity(text: str, words: str, kind: str, **more: object) -> MessageEntity:
    """Mark the first ``words`` in ``text``, counting as Telegram does."""
    before = text[: text.index(words)]
    units = [len(part.encode("utf-16-le")) // 2 for part in (before, words)]
    return MessageEntity(type=kind, offset=units[0], length=units[1], **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "words", "kind", "more", "markdown"),
    [
        ("a bold word", "bold", "bold", {}, "a **bold** word"),
        ("a bold word", "bold ", "bold", {}, "a **bold** word"),
        ("🌗🌗 bold", "bold", "bold", {}, "🌗🌗 **bold**"),
        ("x\ny", "x\ny", "italic", {}, "*x*\n*y*"),
        ("gone", "gone", "strikethrough", {}, "~~gone~~"),
        ("secret", "secret", "spoiler", {}, "||secret||"),
        ("use a`b now", "a`b", "code", {}, "use ``a`b`` now"),
        ("see print(1) ok", "print(1)", "pre", {"language": "python"}, "see \n```python\nprint(1)\n```\n ok"),
        ("here", "here", "text_link", {"url": "https://e.org/a_(b)"}, "[here](<https://e.org/a_(b)>)"),
        ("said\nso\nno", "said\nso", "blockquote", {}, "> said\n> so\nno"),
        ("under", "under", "underline", {}, "under"),
        ("wörld", "wörld", "some_future_kind", {}, "wörld"),
    ],
)
def test_each_entity_becomes_its_markdown(
    text: str, words: str, kind: str, more: dict[str, str], markdown: str
) -> None:
    """Formatting survives as Markdown, with offsets read as UTF-16 units."""
    assert to_markdown(text, [entity(text, words, kind, **more)]) == markdown


def test_nested_entities_nest() -> None:
    """Italics within bold within a link stay inside one another."""
    text = "see the moon now"
    marks = [
        entity(text, "the moon", "text_link", url="https://e.org"),
        entity(text, "the moon", "bold"),
        entity(text, "moon", "italic"),
    ]
    assert to_markdown(text, marks) == "see [**the *moon***](https://e.org) now"


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("@Moon_Bot what is new?", "what is new?"),
        ("@moon_bot, what is new?", "what is new?"),
        ("@moon_bot：月亮", "月亮"),
        ("hey @moon_bot what", "hey what"),
        ("what now @moon_bot?", "what now?"),
        ("what now @moon_bot", "what now"),
        ("@moon_bot", ""),
        ("🌗 hey @moon_bot **x**", "🌗 hey **x**"),
    ],
)
def test_the_bots_own_name_is_taken_out(text: str, markdown: str) -> None:
    """Neither the mention nor the space and comma it came with stay in the question."""
    name = next(word for word in ("@Moon_Bot", "@moon_bot") if word in text)
    assert to_markdown(text, [entity(text, name, "mention")], ME) == markdown


def test_entities_after_a_removed_mention_move_along() -> None:
    """What stands behind the mention is still formatted where it was."""
    text = "hey @moon_bot look 🌗 here"
    marks = [entity(text, "@moon_bot", "mention"), entity(text, "here", "bold")]
    assert to_markdown(text, marks, ME) == "hey look 🌗 **here**"


def test_only_whole_names_are_ours() -> None:
    """Another bot whose name begins with ours, and a text without entity, do not mean us."""
    text = "@moon_bot2 and @moon_bot"
    assert bot_mentions(text, [entity(text, "@moon_bot2", "mention")], ME) == []


def test_a_mention_by_id_and_a_commands_suffix_are_ours() -> None:
    """A text mention with our id and ``/help@moon_bot`` both name us."""
    text = "/help@moon_bot Moon"
    user = User(id=42, first_name="Moon", is_bot=True)
    marks = [entity(text, "/help@moon_bot", "bot_command"), entity(text, "Moon", "text_mention", user=user)]
    assert bot_mentions(text, marks, ME) == [(5, 14), (15, 19)]
    assert to_markdown(text, marks, ME) == "/help"


@given(
    st.text(alphabet="ab \n🌗月`*@", max_size=20),
    st.lists(
        st.tuples(
            st.sampled_from(["bold", "code", "pre", "blockquote", "text_link", "mention", "spoiler"]),
            st.integers(0, 25),
            st.integers(0, 25),
        ),
        max_size=6,
    ),
)
def test_no_entities_make_words_disappear(text: str, spans: list[tuple[str, int, int]]) -> None:
    """Whatever the ranges are, each letter of the text is there, in order, and nothing raises."""
    marks = [MessageEntity(kind, start, length, url="u") for kind, start, length in spans]
    kept = [char for char in to_markdown(text, marks, ME) if char in "ab"]
    assert kept == [char for char in text if char in "ab"]


def test_text_that_no_database_takes_is_made_safe() -> None:
    """Lone surrogates and NUL characters do not get in."""
    assert to_markdown("a\ud83cb\0c", []).encode() == "a�bc".encode()
