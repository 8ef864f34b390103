"""What is taken and what is refused, and how the room of a prompt is shared by files. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.domain.events import Attachment, AttachmentKind
from core.files.formats import Sort, ending_of, sort_of

MEGABYTE = 1024 * 1024
INLINE_BYTES = 4 * MEGABYTE  #: a larger picture goes to Kimi once and is referred to after that
INLINE_BYTES_WITHOUT_SHELF = 16 * MEGABYTE  #: where the provider keeps no files
MOST_BYTES: Mapping[Sort, int] = {
    Sort.TEXT: 10 * MEGABYTE,
    Sort.DOCUMENT: 100 * MEGABYTE,  # Kimi's own limit
    Sort.PICTURE: 32 * MEGABYTE,
    Sort.VIDEO: 100 * MEGABYTE,
}

_MARK = "[attached: "

FILES_SHARE = 0.6  #: of a prompt's room that files may take
LEAST_PART_TOKENS = 500  #: fewer of a long file tell nothing
MOST_MEDIA = 20  #: pictures and videos in one prompt, the newest
MOST_INLINE_BYTES = 40 * MEGABYTE  #: of pictures in one prompt; Kimi takes bodies of 100 MB


class Fault(StrEnum):
    """Why a file is not read; each has one sentence for people."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    MISLABELLED = "mislabelled"
    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt"
    NO_TEXT = "no_text"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    EXTERNAL = "external"
    UNREACHABLE = "unreachable"  #: may be tried again
    NOT_HERE = "not_here"  #: the provider reads no such files
    BLIND = "blind"  #: the model sees no pictures
    NO_VIDEO = "no_video"
    UNKNOWN = "unknown"  #: nobody sent a file that a reference could mean


#: Faults that time or the operator may mend: the next question looks again.
PASSING = frozenset({Fault.UNREACHABLE, Fault.FORBIDDEN})


class Unusable(Exception):
    """A file cannot be read."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        super().__init__(fault.value)


def expected(attachment: Attachment) -> Sort:
    """Return how an attachment will be read, before a byte of it is fetched.

    Raises:
        Unusable: it will not be, by its name, its type or its size.
    """
    sort = sort_of(ending_of(attachment.name, attachment.media_type))
    if sort is None and attachment.kind is AttachmentKind.PICTURE:
        sort = Sort.PICTURE  # Telegram gives photos neither name nor type
    if sort is None and attachment.kind is AttachmentKind.VIDEO:
        sort = Sort.VIDEO
    if sort is None:
        raise Unusable(Fault.UNSUPPORTED)
    if attachment.size_bytes > MOST_BYTES[sort]:
        raise Unusable(Fault.TOO_LARGE)
    return sort


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A document that would stand in the prompt."""

    id: int
    tokens: int  #: estimated, of the whole
    first: bool  #: it belongs to this very question


@dataclass(frozen=True, slots=True, kw_only=True)
class Allotment:
    """How much of each document the prompt has room for."""

    whole: tuple[int, ...]  #: ids, in the order of their coming
    parts: Mapping[int, int]  #: id → tokens
    left_out: tuple[int, ...]


def allot(wanted: Sequence[Wanted], room_tokens: float) -> Allotment:
    """Share ``room_tokens`` among documents, given oldest first.

    Those of the question go first, then the newest. What does not fit as a whole shares the rest
    evenly, in parts.
    """
    ranked = sorted(wanted, key=lambda one: (one.first, one.id), reverse=True)
    whole: list[int] = []
    long: list[Wanted] = []
    room = room_tokens
    for one in ranked:
        if one.tokens <= room:
            whole.append(one.id)
            room -= one.tokens
        else:
            long.append(one)
    parts: dict[int, int] = {}
    while long:
        share = int(room / len(long))
        if share >= LEAST_PART_TOKENS:
            parts = {one.id: share for one in long}
            break
        long.pop()  # the least wanted
    known = {*whole, *parts}
    return Allotment(
        whole=tuple(one.id for one in wanted if one.id in whole),
        parts=parts,
        left_out=tuple(one.id for one in wanted if one.id not in known),
    )


def shown_name(name: str, kind: AttachmentKind) -> str:
    """Return a file's name as it may stand in a sentence: one short line without markup."""
    plain = " ".join(name.split()).translate({ord(mark): "'" for mark in '`*_[]<>"'})
    if not plain:
        return {"picture": "photo.jpg", "video": "video.mp4"}.get(kind.value, "file")
    return plain if len(plain) <= 80 else f"{plain[:60]}…{plain[-19:]}"


def marked(attachments: Sequence[Attachment]) -> str:
    """Return the line that stands for attachments in the history; "" where there are none."""
    names = ", ".join(shown_name(one.name, one.kind) for one in attachments)
    return f"{_MARK}{names}]" if names else ""


def unmarked(text: str) -> str:
    """Return a message's words without the line that :func:`marked` put below them."""
    words, found, rest = text.rpartition(_MARK)
    return words.rstrip() if found and rest.endswith("]") else text


def is_marked(text: str) -> bool:
    """Tell whether something came with a message."""
    return unmarked(text) != text
