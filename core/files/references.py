"""References such as ``@file-report`` in a message: to a file of its author, by id or name. Pure."""

import re
from collections.abc import Sequence

from core.store.files import ProcessedFile
from core.text.language import CJK_RUN

REFERENCE_PREFIX = "@file"  #: every reference begins with it, in any letter case
_REFERENCE_PATTERN = re.compile(r"(?<![\w@])@file[-_:](?P<what>[\w.\-]*\w)", re.IGNORECASE)


def parse_references(text: str) -> list[str]:
    """Return the references in a text, without ``@file-``, in order and without repetition."""
    return list(dict.fromkeys(found["what"] for found in _REFERENCE_PATTERN.finditer(text)))


def resolve_reference(reference: str, own_files: Sequence[ProcessedFile]) -> ProcessedFile | None:
    """Return the file that a reference means; None if there is none.

    A reference is our id, Kimi's id, or a name with or without its extension; characters that a reference
    cannot contain are ignored. Chinese may follow a reference without a blank.

    Args:
        reference: one result of :func:`parse_references`.
        own_files: files of the message's author, newest first.
    """
    for end in range(len(reference), 0, -1):
        if end == len(reference) or CJK_RUN.match(reference[end]):
            found = _match_file(reference[:end], own_files)
            if found is not None:
                return found
    return None


def _match_file(reference: str, own_files: Sequence[ProcessedFile]) -> ProcessedFile | None:
    by_id = (one for one in own_files if reference == str(one.file.id) or reference in _kimi_ids(one))
    if (found := next(by_id, None)) is not None:
        return found
    wanted = _normalized(reference)
    named = [(one, _normalized(one.file.attachment.name)) for one in own_files]
    with_extension = (one for one, name in named if name == wanted)
    without_extension = (one for one, name in named if name.rpartition("-")[0] == wanted)
    return next(with_extension, None) or next(without_extension, None)


def _kimi_ids(known_file: ProcessedFile) -> tuple[str, ...]:
    kimi_id = known_file.content.kimi_id
    return (kimi_id, kimi_id.removeprefix("file_").removeprefix("file-")) if kimi_id else ()


def _normalized(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
