"""``@file-…`` in a person's words: "use this file of mine", by our number, Kimi's id or its name. Pure."""

import re
from collections.abc import Sequence

from core.store.files import Known
from core.text.language import CJK_RUN

REFERENCE = "@file"  #: how every reference begins, in any case
_REFERENCE = re.compile(r"(?<![\w@])@file[-_:](?P<what>[\w.\-]*\w)", re.IGNORECASE)


def references_in(text: str) -> list[str]:
    """Return what follows ``@file-`` in a text, each once, in order."""
    return list(dict.fromkeys(found["what"] for found in _REFERENCE.finditer(text)))


def referred(what: str, own: Sequence[Known]) -> Known | None:
    """Return which of a person's files, newest first, a reference means; None where none fits.

    A name fits with or without its ending, and with anything for what a reference cannot hold. Where
    Chinese follows without a space, the reference may end before it.
    """
    for end in range(len(what), 0, -1):
        if end == len(what) or CJK_RUN.match(what[end]):
            found = _meant(what[:end], own)
            if found is not None:
                return found
    return None


def _meant(what: str, own: Sequence[Known]) -> Known | None:
    by_id = (one for one in own if what == str(one.file.id) or what in _kimi_ids(one))
    if (found := next(by_id, None)) is not None:
        return found
    plain = _plain(what)
    named = [(one, _plain(one.file.attachment.name)) for one in own]
    exact = (one for one, name in named if name == plain)
    short = (one for one, name in named if name.rpartition("-")[0] == plain)
    return next(exact, None) or next(short, None)


def _kimi_ids(one: Known) -> tuple[str, ...]:
    kimi_id = one.content.kimi_id
    return (kimi_id, kimi_id.removeprefix("file_").removeprefix("file-")) if kimi_id else ()


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "-", name.casefold()).strip("-")
