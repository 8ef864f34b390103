"""What is taken and what is refused, and how the room of a prompt is shared by files. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.domain.file_states import FileFault, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.files.formats import extension_of, file_type_of

MEGABYTE = 1024 * 1024
MAX_INLINE_PICTURE_BYTES = 4 * MEGABYTE  #: a larger picture goes to Kimi once and is referred to after that
MAX_INLINE_BYTES_WITHOUT_STORE = 16 * MEGABYTE  #: where the provider keeps no files
MAX_FILE_BYTES: Mapping[FileType, int] = {
    FileType.TEXT: 10 * MEGABYTE,
    FileType.DOCUMENT: 100 * MEGABYTE,  # Kimi's own limit
    FileType.PICTURE: 32 * MEGABYTE,
    FileType.VIDEO: 100 * MEGABYTE,
}

_ATTACHMENTS_PREFIX = "[attached: "

FILES_BUDGET_SHARE = 0.6  #: of a prompt's room that files may take
MIN_EXCERPT_TOKENS = 500  #: fewer of a long file tell nothing
MAX_MEDIA_PER_PROMPT = 20  #: pictures and videos in one prompt, the newest
MAX_INLINE_BYTES_PER_PROMPT = 40 * MEGABYTE  #: of pictures in one prompt; Kimi takes bodies of 100 MB


class UnusableFile(Exception):
    """A file cannot be read."""

    def __init__(self, fault: FileFault) -> None:
        self.fault = fault
        super().__init__(fault.value)


def expected_type(attachment: Attachment) -> FileType:
    """Return how an attachment will be read, before a byte of it is fetched.

    Raises:
        Unusable: it will not be, by its name, its type or its size.
    """
    sort = file_type_of(extension_of(attachment.name, attachment.media_type))
    if sort is None and attachment.kind is AttachmentKind.PICTURE:
        sort = FileType.PICTURE  # Telegram gives photos neither name nor type
    if sort is None and attachment.kind is AttachmentKind.VIDEO:
        sort = FileType.VIDEO
    if sort is None:
        raise UnusableFile(FileFault.UNSUPPORTED)
    if attachment.size_bytes > MAX_FILE_BYTES[sort]:
        raise UnusableFile(FileFault.TOO_LARGE)
    return sort


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptDocument:
    """A document that would stand in the prompt."""

    id: int
    tokens: int  #: estimated, of the whole
    in_question: bool  #: it belongs to this very question


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAllocation:
    """How much of each document the prompt has room for."""

    whole: tuple[int, ...]  #: ids, in the order of their coming
    partial: Mapping[int, int]  #: id → tokens
    omitted: tuple[int, ...]


def allocate_budget(documents: Sequence[PromptDocument], budget_tokens: float) -> BudgetAllocation:
    """Share ``room_tokens`` among documents, given oldest first.

    Those of the question go first, then the newest. What does not fit as a whole shares the rest
    evenly, in parts.
    """
    ranked = sorted(documents, key=lambda one: (one.in_question, one.id), reverse=True)
    whole: list[int] = []
    long: list[PromptDocument] = []
    room = budget_tokens
    for one in ranked:
        if one.tokens <= room:
            whole.append(one.id)
            room -= one.tokens
        else:
            long.append(one)
    parts: dict[int, int] = {}
    while long:
        share = int(room / len(long))
        if share >= MIN_EXCERPT_TOKENS:
            parts = {one.id: share for one in long}
            break
        long.pop()  # the least wanted
    known = {*whole, *parts}
    return BudgetAllocation(
        whole=tuple(one.id for one in documents if one.id in whole),
        partial=parts,
        omitted=tuple(one.id for one in documents if one.id not in known),
    )


def display_name(name: str, kind: AttachmentKind) -> str:
    """Return a file's name as it may stand in a sentence: one short line without markup."""
    plain = " ".join(name.split()).translate({ord(mark): "'" for mark in '`*_[]<>"'})
    if not plain:
        return {"picture": "photo.jpg", "video": "video.mp4"}.get(kind.value, "file")
    return plain if len(plain) <= 80 else f"{plain[:60]}…{plain[-19:]}"


def attachments_line(attachments: Sequence[Attachment]) -> str:
    """Return the line that stands for attachments in the history; "" where there are none."""
    names = ", ".join(display_name(one.name, one.kind) for one in attachments)
    return f"{_ATTACHMENTS_PREFIX}{names}]" if names else ""


def strip_attachments_line(text: str) -> str:
    """Return a message's words without the line that :func:`marked` put below them."""
    words, found, rest = text.rpartition(_ATTACHMENTS_PREFIX)
    return words.rstrip() if found and rest.endswith("]") else text


def has_attachments_line(text: str) -> bool:
    """Tell whether something came with a message."""
    return strip_attachments_line(text) != text
