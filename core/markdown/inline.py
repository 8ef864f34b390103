"""Where inline constructs (emphasis, code, links) stand open in a growing text.

One pass from left to right, deciding with what was read so far: the answer for a position never
changes when more text arrives. It is stricter than a parser where it can be (a marker that may
still be closed counts as open) and gives a marker up after :data:`REACH` characters or at the
block's end.
"""

import re
from dataclasses import dataclass, field

from core.markdown.flanking import sides

REACH = 400  #: characters after which an unclosed marker is taken as plain text
URL_REACH = 2000  #: the same for a link's target

URL = re.compile(r"https?://[^\s<>\"`*|\[\]，。；：！？、（）【】「」『』《》]+")
MATHS = re.compile(
    r"\\\((?:.|\n)+?\\\)|\\\[(?:.|\n)+?\\\](?!\()|\$\$[^$]+\$\$|\$(?![\s$])(?:\\.|[^$\n\\`])*?(?<![\s\\])\$(?![0-9A-Za-z$({])"
)
DUNDER = re.compile(r"__[a-z0-9]+(?:_[a-z0-9]+)*__(?![0-9A-Za-z_])")
_URL_END = "_~.,;:!?)'"  #: not part of an address where it ends with them
_TOKEN = re.compile(r"https?://|\\[(\[]|\$\$|\\.?|`+|\*+|_+|~+|\|+|!?\[|\]|<[a-zA-Z][^<>\s]*>?", re.S)
_TARGET = re.compile(r"\((?:[^()\s\\]|\\.|\([^()\s]*\))*(?:\([^()\s]*\Z|\\\Z)?(?:[ \t]+\"[^\"\n]*\"?)?[ \t]*")


@dataclass(slots=True)
class Open:
    """A marker that waits for its partner."""

    at: int
    mark: str  #: "*", "**", "_", "`", "~~", "||", "[", "![", "$$" or the like
    target_at: int = 0  #: for a link whose label is closed: where its "(" stands; else 0


@dataclass(slots=True)
class Inline:
    """What one block's text holds."""

    guarded: list[tuple[int, int]] = field(default_factory=list)  #: a cut inside hurts
    closed: list[tuple[int, int, str]] = field(default_factory=list)  #: finished emphasis: start, end, mark
    opened: list[Open] = field(default_factory=list)  #: what is open at the end, outermost first
    undecided: int | None = None  #: where a marker run touches the end and may still grow


def read(text: str, start: int, end: int, *, growing: bool, maths: bool = True) -> Inline:
    r"""Read the inline constructs of ``text[start:end]``, one block.

    With ``growing`` the block is the last one and more may follow; without, whatever is open at
    the end is plain text. ``maths`` knows formulas between ``\( \)``, ``\[ \]`` and ``$$``.
    """
    reader = _Reader(text, start, end, growing, maths)
    reader.run()
    return reader.result


def address_end(text: str, at: int, end: int) -> int:
    """Return where the bare web address that begins at ``at`` ends."""
    match = URL.match(text, at, end)
    if match is None:
        return at + 1
    return at + len(match.group().rstrip(_URL_END))


class _Reader:
    def __init__(self, text: str, start: int, end: int, growing: bool, maths: bool) -> None:
        self.maths = maths
        self.text = text
        self.pos = start
        self.start = start
        self.end = end
        self.growing = growing
        self.stack: list[Open] = []
        self.result = Inline()
        self.since = -1  # where the outermost open construct began; -1 while none is open

    def run(self) -> None:
        while match := _TOKEN.search(self.text, self.pos, self.end):
            self._expire(match.start())
            self.pos = match.end()
            self._token(match.group(), match.start())
            self._note(self.pos)
        self._expire(self.end)
        if self.growing:
            self.result.opened = self.stack
        if self.stack:
            self.result.guarded.append((self.stack[0].at, self.end))

    def _token(self, token: str, at: int) -> None:
        first = token[0]
        if first == "h":
            self.pos = address_end(self.text, at, self.end)
        elif first == "\\":
            self._escape(token, at)
        elif first == "$":
            self._maths(token, at)
        elif first == "`":
            self._code(token, at)
        elif first in "*_~|":
            self._run(token, at)
        elif first == "]":
            self._bracket(at)
        elif first == "<":
            self._tag(token, at)
        else:
            self._push(at, token)

    def _escape(self, token: str, at: int) -> None:
        if token[1:] in ("", "\n") and self.pos == self.end:
            self._touch(at)
        elif token[1:] in ("(", "["):
            self._maths(token, at)

    def _maths(self, token: str, at: int) -> None:
        if not self.maths:
            return
        whole = MATHS.match(self.text, at, min(self.end, at + REACH))
        if whole is not None:
            self.pos = whole.end()
            self.result.guarded.append((at, self.pos))
            return
        self.result.guarded.append((at, min(at + REACH, self.end)))
        if self.growing and self.end < at + REACH:
            self._push(at, token)
            self.pos = self.end

    def _touch(self, at: int) -> None:
        if self.growing and self.result.undecided is None:
            self.result.undecided = at

    def _push(self, at: int, mark: str) -> None:
        self.stack.append(Open(at=at, mark=mark))

    def _note(self, upto: int) -> None:
        """Remember guarded stretches as the outermost construct closes."""
        if self.stack and self.since < 0:
            self.since = self.stack[0].at
        elif not self.stack and self.since >= 0:
            self.result.guarded.append((self.since, upto))
            self.since = -1

    def _expire(self, at: int) -> None:
        """Give up markers that have waited too long; what was open till then stays guarded."""
        while self.stack and at - self.stack[0].at > self._reach(self.stack[0]):
            gone = self.stack.pop(0)
            self.result.guarded.append((gone.at, gone.at + self._reach(gone)))
            self.since = self.stack[0].at if self.stack else -1

    @staticmethod
    def _reach(item: Open) -> int:
        return URL_REACH if item.target_at else REACH

    def _code(self, run: str, at: int) -> None:
        if self.growing and self.pos == self.end:
            self._touch(at)
            return
        limit = at + REACH
        closer = re.compile(rf"(?<!`){run}(?!`)").search(self.text, self.pos, self.end)
        if closer is None or closer.start() >= limit:
            waits = self.growing and self.end < limit
        else:
            waits = self.growing and closer.end() == self.end
            if not waits:
                self.result.guarded.append((at, closer.end()))
                self.result.closed.append((at, closer.end(), run))
                self.pos = closer.end()
                return
        self.result.guarded.append((at, min(limit, self.end)))
        if waits:
            self._push(at, run)
            self.pos = self.end

    def _tag(self, token: str, at: int) -> None:
        if token[-1] != ">" and self.pos == self.end:
            self._touch(at)
        elif token[-1] == ">":
            self.result.guarded.append((at, self.pos))

    def _run(self, run: str, at: int) -> None:
        """Let a run of markers close what it can and open with the rest."""
        if self.growing and self.pos == self.end:
            self._touch(at)
            return
        before = self.text[at - 1] if at > self.start else " "
        after = self.text[self.pos] if self.pos < self.end else " "
        left = len(run)
        if self.growing and run == "*" and after == "." and self.pos + 1 == self.end:
            self._touch(at)  # may become a file pattern
            return
        can_open, can_close = sides(run, before, after, self.text[self.pos + 1 : self.end][:1])
        if can_close:
            left = self._close(run[0], at, left)
        if left and can_open:
            self._open(run[0], at + len(run) - left, left)

    def _open(self, char: str, at: int, left: int) -> None:
        """A run of three opens emphasis and strong emphasis, each closed by itself."""
        if char == "_" or left <= 2 or char in "~|":
            self._push(at, char * min(left, 2))
            return
        self._push(at, char)
        self._push(at + 1, char * 2)

    def _close(self, char: str, at: int, left: int) -> int:
        """Close what the run can close; return how many characters of it are unused."""
        used = 0
        while left:
            place = next((i for i in reversed(range(len(self.stack))) if self._fits(i, char, left)), None)
            if place is None:
                break
            opener = self.stack[place]
            width = len(opener.mark)
            del self.stack[place:]
            used += width
            left -= width
            self.result.closed.append((opener.at, at + used, opener.mark))
        return left

    def _fits(self, place: int, char: str, left: int) -> bool:
        mark = self.stack[place].mark
        return mark[0] == char and len(mark) <= left

    def _bracket(self, at: int) -> None:
        place = next((i for i in reversed(range(len(self.stack))) if self.stack[i].mark[-1] == "["), None)
        if place is None:
            return
        if self.pos == self.end:
            if self.growing:
                self._touch(at)
            return
        target = _TARGET.match(self.text, self.pos, self.end)
        opener = self.stack[place]
        if target is None:
            del self.stack[place]
        elif target.end() == self.end and self.growing:
            opener.target_at = self.pos
            del self.stack[place + 1 :]
            self.pos = self.end
        elif self.text[target.end() : target.end() + 1] == ")" and target.end() < self.end:
            del self.stack[place:]
            self.pos = target.end() + 1
            self.result.closed.append((opener.at, self.pos, opener.mark))
            self.result.guarded.append((opener.at, self.pos))
        else:
            del self.stack[place]
