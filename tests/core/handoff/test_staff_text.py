"""What a message at the desk is: for the customer, a note, words to the bot, or a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.events import Mention
from core.handoff.staff_text import (
    ForCustomer,
    InternalNote,
    QuestionForBot,
    SendMode,
    StaffCommandText,
    is_internal_note,
    read_staff_text,
)

NOTES = [
    "// plain",
    " // blank before it",
    "／／ from a Chinese keyboard",
    "/／ mixed",
    "⁄⁄ fraction slashes",
    "/\u200b/ an invisible character between",
    "\ufeff// a byte order mark",
    "/ / an editor's blank",
    "**// bold**",
    "_// italic_",
    "~~// struck out~~",
    "||// spoiler||",
    "`// code`",
    "```\n// code block\n```",
    "```python\n// code block with a language\n```",
    "> // quote",
    "＞ ／／ quote",
    "&gt; // escaped quote",
    "- // list",
    "• // list",
    "- [ ] // task",
    "1. // numbered",
    "a) // lettered",
    "# // heading",
    "🔒 // emoji",
    ":lock: // short code",
    "[// link](https://example.org)",
    "1. **// several**",
    "- [x] // task that is done",
    "\\/\\/ escaped",
    "**/**_/_ each slash in a format of its own",
    "⫽ one character",
]


@pytest.mark.parametrize("text", NOTES)
@pytest.mark.parametrize("mode", SendMode)
def test_a_note_is_a_note_in_every_form(text: str, mode: SendMode) -> None:
    """People and editors give the mark many forms; each keeps the message within the team."""
    assert read_staff_text(text, mode=mode) == InternalNote()


WRAPPERS = [
    "{}",
    "**{}**",
    "*{}*",
    "_{}_",
    "~~{}~~",
    "> {}",
    "- {}",
    "3. {}",
    "# {}",
    "`{}`",
    "```\n{}\n```",
    " {}",
]


@given(
    mark=st.sampled_from(["//", "／／", "/／", "∕∕", "⁄⁄", "/\u200d/"]),
    words=st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=40),
    wrappers=st.lists(st.sampled_from(WRAPPERS), max_size=4),
    mention=st.sampled_from([Mention.NONE, Mention.BY_NAME, Mention.REPLY]),
    mode=st.sampled_from(SendMode),
)
def test_no_nesting_of_forms_makes_a_note_public(
    mark: str, words: str, wrappers: list[str], mention: Mention, mode: SendMode
) -> None:
    """Whatever stands around the mark and behind it, the message stays within the team."""
    text = f"{mark} {words}"
    for wrapper in wrappers:
        text = wrapper.format(text)
    assert isinstance(read_staff_text(text, mention=mention, mode=mode), InternalNote)


@pytest.mark.parametrize(
    "text",
    [
        "Hello Ann\n// she is a difficult one",
        "@Lin Chen, // look at this one",
        "@Lin // look",
        "Lin: // look",
        "注：// 她很生气",
        "（内部）// look",
        "FYI // she is angry",
        "It left today // she is angry",
        "See https://example.org // she is angry",
        "<b>// she is angry</b>",
        "①// look",
        "一、// look",
        "iv) // look",
        "1️⃣ // look",
        "It left today.\n\n- // check again tomorrow",
    ],
)
def test_a_note_within_a_message_keeps_all_of_it(text: str) -> None:
    """We chose not to cut people's messages: nothing is sent, and the author is told."""
    assert read_staff_text(text) == InternalNote(in_doubt=True)


@pytest.mark.parametrize(
    "text",
    [
        "See https://example.org//a",
        "@Ann see https://example.org",
        "Half is 1/2",
        "/path/to/the/file is what you need",
        "```\nx = 1\n// a comment\n```",
        "Write `x = 1 // a comment` there",
        "See https://example.org/?next=//a and tg://resolve?domain=b",
        "Either / or",
    ],
)
def test_slashes_of_other_kinds_are_words(text: str) -> None:
    """Links, fractions, paths and code comments go to the customer."""
    assert read_staff_text(text) == ForCustomer(text)


def test_words_to_the_bot_are_not_for_the_customer() -> None:
    """A mention of the bot makes a question or a command; a reply to the customer's copy is neither."""
    assert read_staff_text("what did she ask?", mention=Mention.BY_NAME) == QuestionForBot(
        "what did she ask?"
    )
    assert read_staff_text("", mention=Mention.BY_NAME) == QuestionForBot("")
    assert read_staff_text("/Assign Bo", mention=Mention.BY_NAME) == StaffCommandText("assign", "Bo")
    assert read_staff_text("Yes, it is.", mention=Mention.REPLY) == ForCustomer("Yes, it is.")


def test_a_command_without_a_mention_is_no_message() -> None:
    """Slack sends no slash commands from threads, so that people type them as text."""
    assert read_staff_text("/close") == StaffCommandText("close", "")
    assert read_staff_text("/close@moonthread_bot now") == StaffCommandText("close", "now")


@pytest.mark.parametrize(
    ("text", "sent"),
    [(">> Hello", "Hello"), ("＞＞ Hello", "Hello"), ("**>> Hello**", "**Hello**"), (">>", "")],
)
def test_a_desk_that_sends_marked_text_sends_it_without_the_mark(text: str, sent: str) -> None:
    """The mark is written ``>>``, in either width."""
    assert read_staff_text(text, mode=SendMode.MARKED) == ForCustomer(sent)


@pytest.mark.parametrize("text", ["Hello", "> > a quote in a quote", ">>> a quote on Slack", "- >> list", ""])
def test_a_desk_that_sends_marked_text_keeps_all_else(text: str) -> None:
    """What is not marked is talk of the team, of which nobody has to be told."""
    assert read_staff_text(text, mode=SendMode.MARKED) == InternalNote()


def test_long_markup_is_read_at_once() -> None:
    """Reading is linear: thousands of code fences and quotes take no longer than other text."""
    assert not is_internal_note("```\n" * 5_000 + "x")
    assert is_internal_note("> " * 5_000 + "// x")
