"""Turns the numbers by which a reply cites messages, as in [#12], into links, while it streams."""

import contextlib
import re
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from core.kimi import ChatRequest, Finished, ReplyEvent, TextDelta
from core.ports.chat_model import CallContext, ChatModel

LINK_LABEL: Final = "↗"
_CITATION = re.compile(r" ?\[(#\d{1,5}(?:[\s,，、;]+#?\d{1,5})*)\]")
_BEGINNING = re.compile(r" ?(?:\[(?:#[\d#\s,，、;]{0,60})?)?\Z")
_NUMBER = re.compile(r"\d+")


class CitationFilter:
    """Replaces citations in a text, piece by piece."""

    def __init__(self, links: Mapping[int, str]) -> None:
        """``links`` are the addresses by number; a citation of another number is dropped."""
        self._links = links
        self._held = ""

    def feed(self, text: str) -> str:
        """Return the text to show after the next piece."""
        text = self._replaced(self._held + text)
        beginning = _BEGINNING.search(text)
        start = len(text) if beginning is None else beginning.start()
        self._held = text[start:]
        return text[:start]

    def flush(self) -> str:
        """Return the text that is still held back, at the end."""
        text, self._held = self._held, ""
        return text

    def _replaced(self, text: str) -> str:
        return _CITATION.sub(self._link, text)

    def _link(self, citation: re.Match[str]) -> str:
        urls = dict.fromkeys(self._links.get(int(number), "") for number in _NUMBER.findall(citation[1]))
        return "".join(f" [{LINK_LABEL}]({url})" for url in urls if url)


class LinkingModel:
    """A :class:`core.ports.chat_model.ChatModel` that links citations of messages."""

    def __init__(self, model: ChatModel, links: Mapping[int, str]) -> None:
        self._model = model
        self._links = links

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; see ``ChatModel``.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the account's limiter cannot be reached.
        """
        citations = CitationFilter(self._links)
        async with contextlib.aclosing(self._model.stream(request, context)) as events:
            async for event in events:
                match event:
                    case TextDelta(text=text):
                        if shown := citations.feed(text):
                            yield TextDelta(shown)
                    case Finished():
                        if rest := citations.flush():
                            yield TextDelta(rest)
                        yield event
                    case _:
                        yield event
