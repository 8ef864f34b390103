"""Texts about the files of a question."""

import pytest

from core.answering.file_notices import (
    FAULT_TEXTS,
    file_problems_text,
    partial_files_text,
    reading_files_text,
)
from core.domain.file_states import FileFault
from core.files.prompt_files import PartialFile
from core.files.reader import FileProblem


def test_every_fault_has_a_text_in_both_languages() -> None:
    """No fault leaves the person without an explanation; each names the file."""
    assert set(FAULT_TEXTS) == set(FileFault)
    assert all("{name}" in text for texts in FAULT_TEXTS.values() for text in texts)


def test_problems_of_one_kind_share_a_sentence() -> None:
    """Three unreadable archives are one sentence, a missing one another."""
    problems = [
        FileProblem(name="a.zip", fault=FileFault.UNSUPPORTED),
        FileProblem(name="b.pdf", fault=FileFault.GONE),
        FileProblem(name="c.zip", fault=FileFault.UNSUPPORTED),
    ]
    assert file_problems_text(problems, "en") == (
        "I cannot read files like a.zip, c.zip. Please send it as PDF, Word or plain text. "
        "b.pdf can no longer be fetched. Please send it again."
    )
    assert file_problems_text([], "en") == ""


def test_many_files_are_counted() -> None:
    """Up to three names are listed."""
    assert reading_files_text(["a"], "en") == "Reading a…"
    assert reading_files_text(["a", "b", "c", "d"], "en") == "Reading 4 files: a, b, c…"
    assert reading_files_text(["月报.txt"], "zh") == "正在读取 月报.txt……"
    assert reading_files_text(["a", "b", "c", "d"], "zh") == "正在读取 4 个文件：a、b、c……"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (0, "There was no room for a.pdf this time."),
        (1, "a.pdf is too long: I read the parts that fit the question best (about 1%)."),
        (50, "a.pdf is too long: I read the parts that fit the question best (about 25%)."),
    ],
)
def test_a_file_shown_in_part_is_named_with_its_share(shown: int, expected: str) -> None:
    """The person can tell that the answer rests on a part."""
    file = PartialFile(name="a.pdf", shown_pieces=shown, total_pieces=200)
    assert partial_files_text([file], "en") == expected
