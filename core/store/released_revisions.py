"""Tells the revisions of databases from before the first release, which no version can upgrade."""

import re
from typing import Final

#: Ids before the first release were bare numbers; released ones have a name behind the number.
_PRE_RELEASE: Final = re.compile(r"[0-9]{4}")


def is_pre_release(revision: str) -> bool:
    """Return whether a database's revision is from before the first release."""
    return _PRE_RELEASE.fullmatch(revision) is not None
