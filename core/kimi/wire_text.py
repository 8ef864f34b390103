"""Text from the pieces of a stream: characters cut between pieces are joined, control characters left out."""

import codecs
import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNUSUAL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_PAIR: Final = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")
_LONE: Final = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")


def remove_control_characters(text: str) -> str:
    """Return a text without C0 and C1 control characters except line feed and tab.

    PostgreSQL refuses NUL, and terminals obey the others.
    """
    return _CONTROL.sub("", text)


def repair_text(text: str) -> str:
    """Return a whole text without control characters, with U+FFFD in place of cut characters."""
    joiner = TextJoiner()
    return joiner.feed(text) + joiner.flush()


class TextJoiner:
    """Joins the pieces of one text.

    Pieces come from :func:`core.kimi.json_decoding.decode_fragment`: half a surrogate pair is a lone
    surrogate, and a byte that is no UTF-8 by itself is one of U+DC80 to U+DCFF, as with Python's error
    handler ``surrogateescape``.
    """

    __slots__ = ("_decoder", "_high")

    def __init__(self) -> None:
        self._high = ""  # the first half of a pair at the end of the last piece
        self._decoder: codecs.IncrementalDecoder | None = None  # once a piece held bytes

    def feed(self, piece: str) -> str:
        """Return the text that a piece completes; "" if it ends within its only character."""
        if not self._high and self._decoder is None and not _UNUSUAL.search(piece):
            return piece
        text, self._high = self._high + piece, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        text = _PAIR.sub(_join_pair, text)
        if self._decoder is None and not any("\ud800" <= char <= "\udfff" for char in text):
            return remove_control_characters(text)
        if self._decoder is None:
            self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        joined = self._decoder.decode(_LONE.sub("\ufffd", text).encode("utf-8", "surrogateescape"))
        if not self._decoder.getstate()[0]:
            self._decoder = None
        return remove_control_characters(joined)

    def flush(self) -> str:
        """Return what the end of the text leaves: U+FFFD for an incomplete character, else ""."""
        rest = "\ufffd" if self._high else ""
        if self._decoder is not None:
            rest += self._decoder.decode(b"", final=True)
        self._high, self._decoder = "", None
        return rest


def _join_pair(pair: re.Match[str]) -> str:
    return pair[0].encode("utf-16", "surrogatepass").decode("utf-16")
