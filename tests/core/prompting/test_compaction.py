"""A long conversation is folded in big steps, at borders of turns, with nothing lost on the way."""

from hypothesis import given
from hypothesis import strategies as st

from core.domain.addresses import ChatType
from core.domain.message_content import MessageContent, MessageRole
from core.prompting.compaction import (
    MAX_SUMMARY_TOKENS,
    compaction_point,
    max_summary_tokens,
    split_into_chunks,
    summary_instruction,
    truncate_summary,
)
from core.prompting.prompt import estimate_message_tokens, to_chat_message
from core.store.history import HistoryMessage
from core.text.tokens import estimate_tokens

TEXTS = st.lists(
    st.text(alphabet="ab cd天空\n", min_size=1, max_size=400) | st.sampled_from(["x" * 5_000, "长" * 3_000]),
    max_size=40,
)


def conversation(texts: list[str]) -> list[HistoryMessage]:
    """Return the texts as questions and answers, two for each seq."""
    return [
        HistoryMessage(
            seq=index // 2 + 1,
            role=MessageRole.USER if index % 2 == 0 else MessageRole.ASSISTANT,
            content=MessageContent(text=text),
            author_id="7",
            author="Ann" if index % 2 == 0 else "",
        )
        for index, text in enumerate(texts)
    ]


def tokens_of(lines: list[HistoryMessage]) -> int:
    """Return what lines are estimated at in a group's prompt."""
    return sum(estimate_message_tokens(to_chat_message(line, ChatType.GROUP)) for line in lines)


@given(
    texts=TEXTS, keep_tokens=st.integers(-10, 5_000), keep_lines=st.integers(0, 40), last=st.integers(0, 25)
)
def test_as_much_is_folded_as_is_needed_and_no_more(
    texts: list[str], keep_tokens: int, keep_lines: int, last: int
) -> None:
    """What stays fits, unless it may not be folded; one turn less folded would not fit."""
    lines = conversation(texts)
    point = compaction_point(
        lines,
        last_compactable_seq=last,
        keep_tokens=keep_tokens,
        keep_messages=keep_lines,
        chat_type=ChatType.GROUP,
    )

    def fits(after: int) -> bool:
        left = [line for line in lines if line.seq > after]
        return tokens_of(left) <= keep_tokens and len(left) <= keep_lines

    if point is None:
        assert fits(0) or not lines or last == 0
        return
    assert point <= last
    assert not fits(point - 1)
    assert fits(point) or point == last or point == lines[-1].seq


@given(texts=TEXTS, capacity=st.integers(60, 3_000))
def test_portions_hold_every_word_once_and_in_order(texts: list[str], capacity: int) -> None:
    """No portion is over its capacity, none loses a word, and complete ones end between turns."""
    lines = conversation(texts)
    made = split_into_chunks(lines, chat_type=ChatType.DIRECT, max_chunk_tokens=capacity)
    assert "".join(message.content for one in made for message in one.messages) == "".join(texts)
    assert [line for one in made for line in one.completed_messages] == lines
    for one in made:
        assert sum(estimate_message_tokens(message) for message in one.messages) <= capacity
    ends = [one.completed_up_to_seq for one in made if one.completed_up_to_seq is not None]
    assert ends == sorted(ends)
    if lines:
        assert made[-1].completed_up_to_seq == lines[-1].seq


def test_a_portion_ends_between_turns_where_it_can() -> None:
    """A turn that does not fit into what is left of a portion begins the next one."""
    lines = conversation(["a" * 300, "b" * 300] * 4)
    made = split_into_chunks(lines, chat_type=ChatType.DIRECT, max_chunk_tokens=450)
    assert [one.completed_up_to_seq for one in made] == [2, 4]


@given(notes=st.text(alphabet="ab天\n ", max_size=3_000), most=st.integers(1, 500))
def test_notes_that_are_too_long_are_cut_with_a_mark(notes: str, most: int) -> None:
    """Short notes stay as they are; of long ones the beginning stays, and a mark."""
    cut = truncate_summary(notes, most)
    if estimate_tokens(notes) <= most:
        assert cut == notes
    else:
        kept = cut.removesuffix("\n[…]")
        assert kept != cut
        assert notes.startswith(kept)


def test_notes_have_a_share_of_the_room() -> None:
    """Small models get short notes, and large ones no endless ones."""
    assert max_summary_tokens(7_168) == 860
    assert max_summary_tokens(1_000_000) == MAX_SUMMARY_TOKENS
    assert "at most 430 words" in summary_instruction(860).content
