"""How documents share the tokens of a prompt."""

from hypothesis import given
from hypothesis import strategies as st

from core.files.prompt_budget import MIN_EXCERPT_TOKENS, PromptDocument, allocate_budget


def wanted(id_: int, tokens: int, *, first: bool = False) -> PromptDocument:
    """A document."""
    return PromptDocument(id=id_, tokens=tokens, in_question=first)


def test_what_fits_is_shown_whole_in_order() -> None:
    """Documents stand in the order of their coming."""
    share = allocate_budget([wanted(1, 100), wanted(2, 100, first=True)], 1_000)
    assert (share.whole, share.partial, share.omitted) == ((1, 2), {}, ())


def test_the_question_s_files_go_first_then_the_newest() -> None:
    """An old file gives way to a new one, and any to that of the question."""
    share = allocate_budget([wanted(1, 600, first=True), wanted(2, 600), wanted(3, 600)], 1_500)
    assert share.whole == (1, 3)
    assert share.omitted == (2,)


def test_long_files_share_what_is_left() -> None:
    """Two that are too long get half of the rest each."""
    share = allocate_budget([wanted(1, 10_000), wanted(2, 20_000), wanted(3, 1_000)], 5_000)
    assert (share.whole, dict(share.partial), share.omitted) == ((3,), {1: 2_000, 2: 2_000}, ())


@given(
    st.lists(st.tuples(st.integers(1, 10_000), st.booleans()), max_size=12),
    st.floats(min_value=-100, max_value=20_000),
)
def test_a_share_never_passes_the_room(sizes: list[tuple[int, bool]], room: float) -> None:
    """Every document is whole, in part or left out, and together they fit."""
    documents = [wanted(id_, tokens, first=first) for id_, (tokens, first) in enumerate(sizes)]
    share = allocate_budget(documents, room)
    assert sorted((*share.whole, *share.partial, *share.omitted)) == list(range(len(sizes)))
    used = sum(documents[id_].tokens for id_ in share.whole) + sum(share.partial.values())
    assert used <= max(0.0, room)
    assert all(tokens >= MIN_EXCERPT_TOKENS for tokens in share.partial.values())
