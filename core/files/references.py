"""``@file-…`` in a person's words: "use this file of mine", by our number, Kimi's id or its name. Pure."""

import re
from collections.abc import Sequence

from core.store.files import ProcessedFile
from core.text.language import CJK_RUN

REFERENCE_PREFIX = "@file"  #: how every reference begins, in any case
_REFERENCE_PATTERN = re.compile(r"(?<![\w@])@file[-_:](?P<what>[\w.\-]*\w)", re.IGNORECASE)


def parse_references(text: str) -> list[str]:
    """Return what follows ``@file-`` in a text, each once, in order."""
    return list(dict.fromkeys(found["what"] for found in _REFERENCE_PATTERN.finditer(text)))


def resolve_reference(reference: str, own_files: Sequence[ProcessedFile]) -> ProcessedFile | None:
    """Return which of a person's files, newest first, a reference means; None where none fits.

    A name fits with or without its ending, and with anything for what a reference cannot hold. Where
    Chinese follows without a space, the reference may end before it.
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
    plain = _normalized(reference)
    named = [(one, _normalized(one.file.attachment.name)) for one in own_files]
    exact = (one for one, name in named if name == plain)
    short = (one for one, name in named if name.rpartition("-")[0] == plain)
    return next(exact, None) or next(short, None)


def _kimi_ids(known_file: ProcessedFile) -> tuple[str, ...]:
    kimi_id = known_file.content.kimi_id
    return (kimi_id, kimi_id.removeprefix("file_").removeprefix("file-")) if kimi_id else ()


def _normalized(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
