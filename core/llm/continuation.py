"""Continues a reply without repetition: hosts that do not know ``partial`` begin anew. No I/O.

A continuation is held back while it may still turn out to repeat what is there. Three repetitions are left
out: of the whole text, of the end of the text, and of the line that opens the code block in which the text
ends.
"""

import re
from dataclasses import replace
from typing import Final

from core.domain.clock import Clock
from core.kimi import ChatRequest, Message

MIN_OVERLAP: Final = 8  #: characters; a CJK character counts as two
MIN_CODE_OVERLAP: Final = 3  #: the same behind a code block that was opened again
MIN_RESTART: Final = 24  #: repeated characters after which a different text is a reply begun anew
MAX_OVERLAP_CHARS: Final = 4_000  #: end of the text that is searched for the repetition
FORGET_AFTER_S: Final = 3_600.0

_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_REOPENED: Final = re.compile(r"\s*(?:`{3,}|~{3,})[ \t]*[\w+#.-]+[ \t]*\n")
_MAYBE_REOPENED: Final = re.compile(r"\s*(?:`{0,3}|~{0,3}|(?:`{3,}|~{3,})[ \t]*[\w+#.-]*[ \t]*)\Z")


class ContinuationMemory:
    """The providers of one process that did not continue a reply when they were asked to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._refused_at: dict[str, float] = {}

    def record_refusal(self, provider: str) -> None:
        """Record that the provider did not continue a reply."""
        self._refused_at[provider] = self._clock.time()

    def continues(self, provider: str) -> bool:
        """Return whether the provider may be asked to continue a reply; for an hour not after a refusal."""
        refused_at = self._refused_at.get(provider)
        return refused_at is None or self._clock.time() - refused_at >= FORGET_AFTER_S


class ContinuationJoiner:
    """Joins one continuation to the text before it."""

    def __init__(self, before: str) -> None:
        self.begun_anew = False  #: the continuation is another reply, which began like the text
        self._before = before
        self._restart = len(before) - len(before.lstrip())  # where a reply that begins anew repeats it from
        self._in_code = is_in_code_block(before)
        self._fence_reopened = False
        self._held = ""
        self._decided = not before

    def feed(self, text: str) -> str:
        """Return what a piece of the continuation adds to the text; "" while that is open."""
        if self._decided:
            return text
        self._held += text
        if self._in_code and not self._fence_reopened:
            if _MAYBE_REOPENED.match(self._held):
                return ""
            if opened := _REOPENED.match(self._held):
                self._held = self._held[opened.end() :]
                self._fence_reopened = True
        return self._resolve()

    def flush(self) -> str:
        """Return what the end of the continuation leaves of the held text."""
        held, self._held, self._decided = self._held, "", True
        end = held.strip()
        repeats = self._before.rstrip().endswith(end) and self._is_repetition(end, start=-1)
        return "" if repeats else held

    def _resolve(self) -> str:
        held = self._held
        text = held if self._fence_reopened else held.lstrip()
        if not text:
            return ""
        longest = 0
        for start in self._candidate_starts(text[0]):
            rest = self._before[start:]
            if rest.startswith(text):
                return ""  # it may repeat what comes from here on
            if text.startswith(rest) and self._is_repetition(rest, start):
                return self._decide(text[len(rest) :])
            if start == self._restart:
                longest = _common_prefix(rest, text)
        if longest >= MIN_RESTART:
            self.begun_anew = True
            return self._decide("")
        return self._decide(held)

    def _decide(self, fresh: str) -> str:
        self._held, self._decided = "", True
        return fresh

    def _candidate_starts(self, first: str) -> list[int]:
        """Return the positions in the text from which on the continuation may repeat it."""
        before, at = self._before, max(0, len(self._before) - MAX_OVERLAP_CHARS)
        starts = [self._restart] if at else []
        while (at := before.find(first, at)) >= 0:
            starts.append(at)
            at += 1
        return starts

    def _is_repetition(self, rest: str, start: int) -> bool:
        least = MIN_CODE_OVERLAP if self._fence_reopened else MIN_OVERLAP
        is_run = len(set(rest.strip())) <= 1  # "----" or "哈哈哈哈" goes on like this
        return not is_run and (_weight(rest) >= least or (start == self._restart and _weight(rest) >= 4))


def is_in_code_block(text: str) -> bool:
    """Return whether a Markdown text ends within a fenced code block."""
    fence = ""
    for found in _FENCE.finditer(text):
        if not fence:
            fence = found[1]
        elif found[1].startswith(fence):
            fence = ""
    return bool(fence)


def _weight(text: str) -> int:
    return sum(1 if char < "\u2e80" else 2 for char in text)


def _common_prefix(first: str, second: str) -> int:
    length = min(len(first), len(second))
    return next((at for at in range(length) if first[at] != second[at]), length)


def continuation_request(request: ChatRequest, text: str, reasoning: str) -> ChatRequest:
    """Return the request that continues after ``text``; the request itself if there is none."""
    if not text:
        return request
    beginning = Message(role="assistant", content=text, reasoning=reasoning, partial=True)
    return replace(request, messages=(*request.messages, beginning))
