"""What is taken, how the prompt's room is shared, and how files stand in sentences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.file_states import FileFault
from core.domain.message_content import Attachment, AttachmentKind
from core.files.file_policy import (
    MIN_EXCERPT_TOKENS,
    PromptDocument,
    UnusableFile,
    allocate_budget,
    attachments_line,
    display_name,
    expected_type,
    strip_attachments_line,
)

MEGABYTE = 1024 * 1024


def attachment(name: str = "a.txt", size: int = 0, kind: str = "file", media_type: str = "") -> Attachment:
    """An attachment as a platform tells of it."""
    return Attachment(
        kind=AttachmentKind(kind), name=name, media_type=media_type, size_bytes=size, source={"id": "F1"}
    )


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (attachment("a.exe"), FileFault.UNSUPPORTED),
        (attachment("song.mp3", media_type="audio/mpeg"), FileFault.UNSUPPORTED),
        (attachment("a.txt", 10 * MEGABYTE + 1), FileFault.TOO_LARGE),
        (attachment("a.pdf", 100 * MEGABYTE + 1), FileFault.TOO_LARGE),
    ],
)
def test_what_cannot_be_read_is_not_even_fetched(one: Attachment, fault: FileFault) -> None:
    """Name, type and size are enough to refuse."""
    with pytest.raises(UnusableFile) as refused:
        expected_type(one)
    assert refused.value.fault is fault


def test_a_photo_without_a_name_is_a_picture() -> None:
    """Telegram tells of a photo only that it is one."""
    assert expected_type(attachment("", kind="picture")).value == "picture"
    assert expected_type(attachment("", kind="video")).value == "video"


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


def test_a_name_stands_in_a_sentence_without_markup() -> None:
    """Line breaks and Markdown are taken out, long names cut in the middle, missing ones made up."""
    assert display_name("a\n*b*_c`.pdf", AttachmentKind.FILE) == "a 'b''c'.pdf"
    assert display_name("", AttachmentKind.PICTURE) == "photo.jpg"
    long = display_name("x" * 200 + ".pdf", AttachmentKind.FILE)
    assert len(long) == 80
    assert long.endswith(".pdf")


def test_marks_come_and_go() -> None:
    """The line that stands for attachments can be taken off again."""
    mark = attachments_line([attachment("a.pdf"), attachment("b.pdf")])
    assert mark == "[attached: a.pdf, b.pdf]"
    assert strip_attachments_line(f"Look!\n\n{mark}") == "Look!"
    assert strip_attachments_line(mark) == ""
    assert strip_attachments_line("a list [attached: no") == "a list [attached: no"
    assert attachments_line([]) == ""
