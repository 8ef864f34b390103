"""Markers by which the model tells the service something that nobody is to read. No I/O but randomness.

The prompt names a marker with a code that is random for each attempt, so no person and no document can
dictate one. A reply is searched for markers while it streams: they may come in pieces, within quotes,
brackets or a code fence, and in other case. They are never part of the text that is shown or stored.
"""

import contextlib
import re
import secrets
from collections.abc import AsyncGenerator, Iterator
from enum import StrEnum
from typing import Final, assert_never

from core.kimi import ChatRequest, Finished, KimiError, ReasoningDelta, ReplyEvent, TextDelta, ToolCall
from core.ports.chat_model import CallContext, ChatModel

CODE_CHARS: Final = 10
_ALPHABET: Final = "bcdfghjklmnpqrstvwxz"  #: neither words nor numbers that masking would replace
_MAX_HELD_CHARS: Final = 160  #: of a text that may be the beginning of a marker
_MIN_CUT_CHARS: Final = 3  #: of a code, by which a marker that was cut is recognized
_WRAPPING: Final = r"""(?:[\s"'“”‘’„«»「」『』‹›()\[\]{}<>|\\*_~`#-]|(?<=```)[a-z]{1,12}(?=\s|\Z))"""

_WRAPPING_END: Final = re.compile(rf"{_WRAPPING}*+\Z", re.IGNORECASE)


class ReplyMarker(StrEnum):
    """One thing that a model can tell the service."""

    NO_ANSWER = "no-answer"  #: the passages of the prompt do not answer the question
    PERSON = "call-person"  #: the customer asks for a person of the team


class NoAnswerGiven(Exception):
    """The model wrote :attr:`ReplyMarker.NO_ANSWER`; the reply is over."""


class PersonWanted(Exception):
    """The model wrote :attr:`ReplyMarker.PERSON`; the reply is over."""


_ENDS: Final = {ReplyMarker.NO_ANSWER: NoAnswerGiven, ReplyMarker.PERSON: PersonWanted}


def new_code() -> str:
    """Return a code for the markers of one attempt."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(CODE_CHARS))


def marker_text(marker: ReplyMarker, code: str) -> str:
    """Return a marker as the prompt names it and the model writes it."""
    return f"[[{marker}:{code}]]"


class MarkerFilter:
    """Takes one marker out of a text, piece by piece."""

    def __init__(self, marker: ReplyMarker, code: str, *, ends_text: bool = True) -> None:
        """``ends_text`` drops the text behind the marker; otherwise it is kept."""
        self.found = False
        self._ends_text = ends_text
        parts = list(_pattern_parts(marker, code))
        self._whole = re.compile("".join(parts), re.IGNORECASE)
        beginning = ""
        for part in reversed(parts):
            beginning = f"(?:{part}{beginning})?"
        self._cut = re.compile(
            "".join(parts[: len(parts) - len(code) + _MIN_CUT_CHARS]) + r"\w*\Z", re.IGNORECASE
        )
        self._code = marker_text(marker, code)
        self._beginning = re.compile(rf"{_WRAPPING}*+{beginning}\Z", re.IGNORECASE)
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the text to show after the next piece."""
        text, self._held = self._held + text, ""
        text = self._without_marker(text)
        held = self._beginning.search(text, max(0, len(text) - _MAX_HELD_CHARS))
        if held is not None and held[0]:
            text, self._held = text[: held.start()], text[held.start() :]
        return text

    def flush(self) -> str:
        """Return the text that is still held back, at the end."""
        text, self._held = self._held, ""
        return self._without_marker(self._cut.sub(self._code, text))  # a marker that was cut is one too

    def _without_marker(self, text: str) -> str:
        marker = self._whole.search(text)
        if marker is None:
            return text
        self.found = True
        if not self._ends_text:
            return self._whole.sub("", text)
        return _without_wrapping(text[: marker.start()])


def _without_wrapping(text: str) -> str:
    """Return a text without the white space and quotes at its end that belong to a marker behind it."""
    wrapping = _WRAPPING_END.search(text, max(0, len(text) - _MAX_HELD_CHARS))
    return text[: wrapping.start()] if wrapping else text


class MarkedModel:
    """A :class:`core.ports.chat_model.ChatModel` that ends a reply at a marker of the model's.

    The text before the marker is passed on, without the white space and quotes around it; nothing after it.
    """

    def __init__(self, model: ChatModel, marker: ReplyMarker, code: str) -> None:
        self._model = model
        self._marker = marker
        self._code = code

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; see ``ChatModel``.

        Raises:
            NoAnswerGiven, PersonWanted: the reply has the marker; its usage was yielded before.
            KimiError: of any kind.
            StoreUnavailable: the account's limiter cannot be reached.
        """
        text_filter = MarkerFilter(self._marker, self._code)
        reasoning_filter = MarkerFilter(self._marker, self._code, ends_text=False)  # may mention it
        try:
            async with contextlib.aclosing(self._model.stream(request, context)) as events:
                async for event in events:
                    for one in _without_marker(event, text_filter, reasoning_filter):
                        yield one
        except KimiError:
            if not text_filter.found:
                raise
        if text_filter.found:
            raise _ENDS[self._marker]


def _without_marker(
    event: ReplyEvent, text_filter: MarkerFilter, reasoning_filter: MarkerFilter
) -> Iterator[ReplyEvent]:
    """Yield the rest of an event; nothing but the end follows the marker."""
    match event:
        case ReasoningDelta(text=text):
            if shown := reasoning_filter.feed(text):
                yield ReasoningDelta(shown)
        case Finished():
            if rest := reasoning_filter.flush():
                yield ReasoningDelta(rest)
            if not text_filter.found and (rest := text_filter.flush()):
                yield TextDelta(rest)
            yield event
        case TextDelta(text=text) if not text_filter.found:
            if shown := text_filter.feed(text):
                yield TextDelta(shown)
        case ToolCall() if not text_filter.found:
            yield event
        case TextDelta() | ToolCall():
            pass
        case _:
            assert_never(event)


def _pattern_parts(marker: ReplyMarker, code: str) -> Iterator[str]:
    """Yield the parts of a marker's pattern, each of which matches a character or what may separate words."""
    for at, word in enumerate((*marker.split("-"), code)):
        if at:
            yield r"[\W_]{0,4}"
        yield from map(re.escape, word)
