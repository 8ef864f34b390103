"""``@file-…`` and what it means."""

from datetime import UTC, datetime

import pytest

from core.domain.file_states import ContentState, FileState, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.files.references import MAX_REFERENCES, FileReferences, parse_references
from core.store.file_blobs import FileContent
from core.store.files import File, ProcessedFile


def known(id_: int, name: str, kimi_id: str = "") -> ProcessedFile:
    """A file that was read."""
    attachment = Attachment(kind=AttachmentKind.FILE, name=name, media_type="", size_bytes=1, source={})
    file = File(
        id=id_,
        conversation_id=1,
        seq=1,
        position=0,
        author_id="U1",
        attachment=attachment,
        state=FileState.READY,
        fault=None,
        hash=f"h{id_}",
        created_at=datetime.now(UTC),
    )
    content = FileContent(
        hash=f"h{id_}",
        file_type=FileType.DOCUMENT,
        media_type="",
        size_bytes=1,
        state=ContentState.READY,
        tokens=1,
        kimi_id=kimi_id,
    )
    return ProcessedFile(file=file, content=content)


OWN = [
    known(9, "report.pdf"),
    known(5, "Q3 report.xlsx", "file_00abc"),
    known(3, "月报.pdf"),
    known(2, "report.pdf"),
]


def test_references_are_found_in_words() -> None:
    """Each once, in order, without the full stop; an address of mail is none."""
    text = "Compare @file-12 with @file-q3-report.xlsx. And @File_12; not a@file-7 or @files-1"
    assert parse_references(text) == ["12", "q3-report.xlsx"]


@pytest.mark.parametrize(
    ("what", "meant"),
    [
        ("5", 5),
        ("file_00abc", 5),
        ("00abc", 5),
        ("report.pdf", 9),
        ("Report", 9),
        ("q3_report.xlsx", 5),
        ("q3-report", 5),
        ("5里说了什么", 5),
        ("月报.pdf里有什么", 3),
        ("7", None),
        ("summary.pdf", None),
    ],
)
def test_a_reference_means_the_newest_file_that_fits(what: str, meant: int | None) -> None:
    """By number, by Kimi's id, by name with or without its ending."""
    found = FileReferences(OWN).resolve(what)
    assert (found.file.id if found else None) == meant


def test_no_more_references_are_followed_than_a_prompt_has_room_for() -> None:
    """Of a hundred references in one message the first twenty count."""
    text = " ".join(f"@file-{number}" for number in range(100))
    assert parse_references(text) == [str(number) for number in range(MAX_REFERENCES)]
