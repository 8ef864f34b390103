"""Changes the ``@name`` of an answer so that Telegram does not take it for a mention. Pure.

TDLib's ``match_mentions`` finds a mention at each "@" that has no letter, digit or "_" before it, and it
looks at the finished text: the pieces of ``@*alice*`` are joined by then.
"""

import re
from collections.abc import Sequence
from typing import Final

from bots.telegram.entities import EntityDict

FULLWIDTH_AT: Final = (
    "\uff20"  #: as long as an "@", so that no entity moves; Telegram finds no mention after it
)
_MENTION_FREE = frozenset({"code", "pre", "text_mention"})  #: entities in which Telegram finds no mention
_AT_NAME = re.compile(
    r"(?P<address>https?://[0-9A-Za-z.-]+\.[A-Za-z]{2,}[/?#][^\s<>()\[\]]*)|(?<![0-9A-Za-z_])@(?![\s\u200b]|$)",
    re.IGNORECASE,
)
"""An "@" that may begin a mention, or an address of the web, in which none does."""


def neutralize_at_names(text: str) -> str:
    """Return ``text`` with a zero-width space after the "@" of every ``@name``."""
    return _AT_NAME.sub(lambda found: found["address"] or "@\u200b", text)


def neutralize_finished_text(text: str, entities: Sequence[EntityDict]) -> str:
    """Return a finished text of the same length without mentions, except in ``entities`` that allow none."""
    if "@" not in text:
        return text
    units = text.encode("utf-16-le")
    pieces: list[str] = []
    at = 0
    for entity in entities:
        start = int(str(entity["offset"])) * 2
        if str(entity["type"]) not in _MENTION_FREE or start < at:
            continue
        end = start + int(str(entity["length"])) * 2
        pieces.append(_replace_at(units[at:start].decode("utf-16-le")))
        pieces.append(units[start:end].decode("utf-16-le"))
        at = end
    pieces.append(_replace_at(units[at:].decode("utf-16-le")))
    return "".join(pieces)


def _replace_at(text: str) -> str:
    return _AT_NAME.sub(lambda found: found["address"] or FULLWIDTH_AT, text)
