"""Where inline constructs (emphasis, code, links) stand open in a growing text.

One pass from left to right, deciding with what was read so far: the answer for a position never
changes when more text arrives. It is stricter than a parser where it can be (a marker that may
still be closed counts as open) and gives a marker up after :data:`MAX_OPEN_CHARS` characters or at the
block's end.
"""

import re
from dataclasses import dataclass, field

from core.markdown.flanking import can_open_and_close

MAX_OPEN_CHARS = 400  #: characters after which an unclosed marker is taken as plain text
MAX_URL_CHARS = 2000  #: the same for a link's target

URL = re.compile(r"https?://[^\s<>\"`*|\[\]，。；：！？、（）【】「」『』《》]+")
MATHS = re.compile(
    r"\\\((?:.|\n)+?\\\)|\\\[(?:.|\n)+?\\\](?!\()|\$\$[^$]+\$\$|\$(?![\s$])(?:\\.|[^$\n\\`])*?(?<![\s\\])\$(?![0-9A-Za-z$({])"
)
DUNDER = re.compile(r"__[a-z0-9]+(?:_[a-z0-9]+)*__(?![0-9A-Za-z_])")
_MATHS_CLOSERS = {"\\(": "\\)", "\\[": "\\]"}
_URL_END = "_~.,;:!?)'"  #: not part of an address where it ends with them
_TOKEN = re.compile(r"https?://|\\[(\[]|\$\$|\\.?|`+|\*+|_+|~+|\|+|!?\[|\]|<[a-zA-Z][^<>\s]*>?", re.S)
_TARGET = re.compile(r"\((?:[^()\s\\]|\\.|\([^()\s]*\))*(?:\([^()\s]*\Z|\\\Z)?(?:[ \t]+\"[^\"\n]*\"?)?[ \t]*")


@dataclass(slots=True)
class OpenMarker:
    """A marker that waits for its partner."""

    at: int
    marker: str  #: "*", "**", "_", "`", "~~", "||", "[", "![", "$$" or the like
    target_start: int = 0  #: for a link whose label is closed: where its "(" stands; else 0


@dataclass(slots=True)
class InlineMarkup:
    """What one block's text holds."""

    protected: list[tuple[int, int]] = field(default_factory=list)  #: a cut inside hurts
    closed: list[tuple[int, int, str]] = field(default_factory=list)  #: finished emphasis: start, end, mark
    open_markers: list[OpenMarker] = field(default_factory=list)  #: what is open at the end, outermost first
    undecided_at: int | None = None  #: where a marker run touches the end and may still grow


def read_inline(text: str, start: int, end: int, *, may_grow: bool, maths: bool = True) -> InlineMarkup:
    r"""Read the inline constructs of ``text[start:end]``, one block.

    With ``growing`` the block is the last one and more may follow; without, whatever is open at
    the end is plain text. ``maths`` knows formulas between ``\( \)``, ``\[ \]`` and ``$$``.
    """
    reader = _Reader(text, start, end, may_grow, maths)
    reader.run()
    return reader.result


def url_end(text: str, at: int, end: int) -> int:
    """Return where the bare web address that begins at ``at`` ends."""
    match = URL.match(text, at, end)
    if match is None:
        return at + 1
    return at + len(match.group().rstrip(_URL_END))


class _Reader:
    def __init__(self, text: str, start: int, end: int, may_grow: bool, maths: bool) -> None:
        self.maths = maths
        self.text = text
        self.pos = start
        self.start = start
        self.end = end
        self.may_grow = may_grow
        self.stack: list[OpenMarker] = []
        self.result = InlineMarkup()
        self.protected_since = -1  # where the outermost open construct began; -1 while none is open

    def run(self) -> None:
        while match := _TOKEN.search(self.text, self.pos, self.end):
            at = match.start()
            if self.stack and at - self.stack[0].at > MAX_OPEN_CHARS:
                self._drop_expired(at)
            self.pos = match.end()
            self._read_token(match.group(), at)
            if bool(self.stack) is (self.protected_since < 0):
                self._note_protected(self.pos)
        self._drop_expired(self.end)
        if self.may_grow:
            self.result.open_markers = self.stack
        if self.stack:
            self.result.protected.append((self.stack[0].at, self.end))

    def _read_token(self, token: str, at: int) -> None:
        first = token[0]
        if first in "[!":
            self._push(at, token)
        elif first == "h":
            self.pos = url_end(self.text, at, self.end)
        elif first == "\\":
            self._read_escape(token, at)
        elif first == "$":
            self._read_maths(token, at)
        elif first == "`":
            self._read_code(token, at)
        elif first in "*_~|":
            self._read_delimiter_run(token, at)
        elif first == "]":
            self._read_bracket(at)
        else:
            self._read_tag(token, at)

    def _read_escape(self, token: str, at: int) -> None:
        if token[1:] in ("", "\n") and self.pos == self.end:
            self._mark_undecided(at)
        elif token[1:] in ("(", "["):
            self._read_maths(token, at)

    def _read_maths(self, token: str, at: int) -> None:
        if not self.maths:
            return
        limit = min(self.end, at + MAX_OPEN_CHARS)
        closer = _MATHS_CLOSERS.get(token, token)
        # The search is quick; the pattern, which would look for the end at each of many starts, is not.
        is_closed = self.text.find(closer, at + len(token), limit) >= 0
        whole = MATHS.match(self.text, at, limit) if is_closed else None
        if whole is not None:
            self.pos = whole.end()
            self.result.protected.append((at, self.pos))
            return
        self.result.protected.append((at, min(at + MAX_OPEN_CHARS, self.end)))
        if self.may_grow and self.end < at + MAX_OPEN_CHARS:
            self._push(at, token)
            self.pos = self.end

    def _mark_undecided(self, at: int) -> None:
        if self.may_grow and self.result.undecided_at is None:
            self.result.undecided_at = at

    def _push(self, at: int, marker: str) -> None:
        self.stack.append(OpenMarker(at=at, marker=marker))

    def _note_protected(self, upto: int) -> None:
        """Remember guarded stretches as the outermost construct closes."""
        if self.stack and self.protected_since < 0:
            self.protected_since = self.stack[0].at
        elif not self.stack and self.protected_since >= 0:
            self.result.protected.append((self.protected_since, upto))
            self.protected_since = -1

    def _drop_expired(self, at: int) -> None:
        """Drop opening markers beyond the limit; text after them stays escaped."""
        while self.stack and at - self.stack[0].at > self._max_chars(self.stack[0]):
            gone = self.stack.pop(0)
            self.result.protected.append((gone.at, gone.at + self._max_chars(gone)))
            self.protected_since = self.stack[0].at if self.stack else -1

    @staticmethod
    def _max_chars(item: OpenMarker) -> int:
        return MAX_URL_CHARS if item.target_start else MAX_OPEN_CHARS

    def _read_code(self, run: str, at: int) -> None:
        if self.may_grow and self.pos == self.end:
            self._mark_undecided(at)
            return
        limit = at + MAX_OPEN_CHARS
        closer = re.compile(rf"(?<!`){run}(?!`)").search(self.text, self.pos, self.end)
        if closer is None or closer.start() >= limit:
            waits = self.may_grow and self.end < limit
        else:
            waits = self.may_grow and closer.end() == self.end
            if not waits:
                self.result.protected.append((at, closer.end()))
                self.result.closed.append((at, closer.end(), run))
                self.pos = closer.end()
                return
        self.result.protected.append((at, min(limit, self.end)))
        if waits:
            self._push(at, run)
            self.pos = self.end

    def _read_tag(self, token: str, at: int) -> None:
        if token[-1] != ">" and self.pos == self.end:
            self._mark_undecided(at)
        elif token[-1] == ">":
            self.result.protected.append((at, self.pos))

    def _read_delimiter_run(self, run: str, at: int) -> None:
        """Close open spans with a run of markers, then open spans with the remaining ones."""
        if self.may_grow and self.pos == self.end:
            self._mark_undecided(at)
            return
        before = self.text[at - 1] if at > self.start else " "
        after = self.text[self.pos] if self.pos < self.end else " "
        left = len(run)
        if self.may_grow and run == "*" and after == "." and self.pos + 1 == self.end:
            self._mark_undecided(at)  # may become a file pattern
            return
        can_open, can_close = can_open_and_close(run, before, after, self.text[self.pos + 1 : self.end][:1])
        if can_close:
            left = self._close_delimiters(run[0], at, left)
        if left and can_open:
            self._push_delimiters(run[0], at + len(run) - left, left)

    def _push_delimiters(self, char: str, at: int, count: int) -> None:
        """A run of three opens emphasis and strong emphasis, each closed by itself."""
        if char == "_" or count <= 2 or char in "~|":
            self._push(at, char * min(count, 2))
            return
        self._push(at, char)
        self._push(at + 1, char * 2)

    def _close_delimiters(self, char: str, at: int, count: int) -> int:
        """Close what the run can close; return how many characters of it are unused."""
        used = 0
        while count:
            place = next(
                (i for i in reversed(range(len(self.stack))) if self._can_close_at(i, char, count)), None
            )
            if place is None:
                break
            opener = self.stack[place]
            width = len(opener.marker)
            del self.stack[place:]
            used += width
            count -= width
            self.result.closed.append((opener.at, at + used, opener.marker))
        return count

    def _can_close_at(self, place: int, char: str, count: int) -> bool:
        mark = self.stack[place].marker
        return mark[0] == char and len(mark) <= count

    def _read_bracket(self, at: int) -> None:
        place = next((i for i in reversed(range(len(self.stack))) if self.stack[i].marker[-1] == "["), None)
        if place is None:
            return
        if self.pos == self.end:
            if self.may_grow:
                self._mark_undecided(at)
            return
        target = _TARGET.match(self.text, self.pos, self.end)
        opener = self.stack[place]
        if target is None:
            del self.stack[place]
        elif target.end() == self.end and self.may_grow:
            opener.target_start = self.pos
            del self.stack[place + 1 :]
            self.pos = self.end
        elif self.text[target.end() : target.end() + 1] == ")" and target.end() < self.end:
            del self.stack[place:]
            self.pos = target.end() + 1
            self.result.closed.append((opener.at, self.pos, opener.marker))
            self.result.protected.append((opener.at, self.pos))
        else:
            del self.stack[place]
