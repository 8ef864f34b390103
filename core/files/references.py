"""References such as ``@file-report`` in a message: to a file of its author, by id or name. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from core.store.files import ProcessedFile
from core.text.language import CJK_RUN

REFERENCE_PREFIX = "@file"  #: every reference begins with it, in any letter case
MAX_REFERENCES: Final = 20  #: of one message; a prompt takes no more files than that
MAX_REFERENCE_CHARS: Final = 255  #: as many as a file's name may have; the rest is not looked at
_REFERENCE_PATTERN = re.compile(
    rf"(?<![\w@])@file[-_:](?P<what>[\w.\-]{{1,{MAX_REFERENCE_CHARS}}}+)", re.IGNORECASE
)


def parse_references(text: str) -> list[str]:
    """Return the first references in a text, without ``@file-``, in order and without repetition."""
    found = (one["what"].rstrip(".-") for one in _REFERENCE_PATTERN.finditer(text))
    return list(dict.fromkeys(filter(None, found)))[:MAX_REFERENCES]


class FileReferences:
    """The files of a person, by everything that a reference may call them."""

    def __init__(self, own_files: Sequence[ProcessedFile]) -> None:
        """Index the files of a message's author, newest first: of two with one name the newer counts."""
        by_id: dict[str, ProcessedFile] = {}
        by_name: dict[str, ProcessedFile] = {}
        by_stem: dict[str, ProcessedFile] = {}
        for one in own_files:
            for id_ in (str(one.file.id), *_kimi_ids(one)):
                by_id.setdefault(id_, one)
            name = _normalized(one.file.attachment.name)
            by_name.setdefault(name, one)
            by_stem.setdefault(name.rpartition("-")[0], one)
        self._by_id: Mapping[str, ProcessedFile] = by_id
        self._names: Sequence[Mapping[str, ProcessedFile]] = (by_name, by_stem)

    def resolve(self, reference: str) -> ProcessedFile | None:
        """Return the file that a reference means; None if there is none.

        A reference is our id, Kimi's id, or a name with or without its extension; characters that a
        reference cannot contain are ignored. Chinese may follow a reference without a blank.

        Args:
            reference: one result of :func:`parse_references`.
        """
        names = _normalized_prefixes(reference)
        for end in range(len(reference), 0, -1):
            if end == len(reference) or CJK_RUN.match(reference, end, end + 1):
                found = self._by_id.get(reference[:end]) or self._match_name(names[end])
                if found is not None:
                    return found
        return None

    def _match_name(self, name: str) -> ProcessedFile | None:
        return next((names[name] for names in self._names if name in names), None) if name else None


def _kimi_ids(known_file: ProcessedFile) -> tuple[str, ...]:
    kimi_id = known_file.content.kimi_id
    return (kimi_id, kimi_id.removeprefix("file_").removeprefix("file-")) if kimi_id else ()


def _normalized(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")


def _normalized_prefixes(reference: str) -> Sequence[str]:
    """Return the normalized forms of a reference's first 0, 1, 2, … characters, in one pass."""
    form = ""
    forms = [""]
    for char in reference:
        for folded in char.casefold():
            form += folded if folded.isalnum() else "-" if form and form[-1] != "-" else ""
        forms.append(form.rstrip("-"))
    return forms
