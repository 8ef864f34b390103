"""An answer as it grows, and the options with which it is streamed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from core.domain.answer_steps import ToolCallReport
from core.kimi import ChatRequest, Message, ToolCall, Usage
from core.llm.continuation import ContinuationMemory
from core.text.reply_checks import is_empty_reply
from core.tools.tool_runner import ToolRunner

OnText: TypeAlias = Callable[[str], None]


def _ignore(_: str) -> None:
    """Discard a piece of text."""


def _unchanged(request: ChatRequest) -> ChatRequest:
    return request


@dataclass(slots=True)
class StreamedAnswer:
    """An answer as far as it has been received; grows while it is streamed."""

    text: str = ""
    reasoning: str = ""
    invisible_start: str = ""  #: marks and joiners before the first visible character
    finish_reason: str = ""  #: "" until the last request has ended
    usage: Usage | None = None  #: the sum over all requests; None if the provider did not tell
    request_count: int = 0
    started_at: float = 0.0  #: when the first request was made, in seconds of the service's clock
    first_token_at: float | None = None
    pending_tool_calls: list[ToolCall] = field(default_factory=list)
    tool_reports: list[ToolCallReport] = field(default_factory=list)  #: of the calls that have ended

    def append(self, text: str) -> str:
        """Append a delta and return the part of it to show.

        White space before the first word is dropped: some models send it. Nothing is shown before there
        is something to see.
        """
        if not self.text:
            self.invisible_start += text
            # Space is not read again and again: a model that loops may write it for minutes.
            if not text.strip() or is_empty_reply(self.invisible_start):
                return ""
            text, self.invisible_start = self.invisible_start.lstrip(), ""
        self.text += text
        return text

    @property
    def time_to_first_token_s(self) -> float | None:
        """Seconds from the first request to the first token of text; None if no text came."""
        return None if self.first_token_at is None else self.first_token_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """How one answer is streamed."""

    max_resumes: int = 0  #: requests that continue a stream that broke off
    max_continuations: int = 0  #: requests that continue a reply that reached its length limit
    on_text: OnText = _ignore  #: receives each piece of the answer, in order
    on_reasoning: OnText = _ignore  #: receives each piece of the thinking, in order
    tools: ToolRunner | None = None  #: runs the tools that the model calls; None offers none
    transcript: tuple[Message, ...] = ()  #: rounds of calls before the answer goes on; behind its text so far
    segment_start: int = 0  #: characters of the answer that were written before those rounds
    text_is_shown: bool = False  #: whether ``on_text`` has received the text that the answer begins with
    continuations: ContinuationMemory | None = None  #: shared by all answers; None remembers nothing
    clamp_reply_tokens: Callable[[ChatRequest], ChatRequest] = _unchanged
    """Returns a request that has grown with a reply that still fits beside it into the context."""
