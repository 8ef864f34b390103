"""Takes template markers, tool sections, thinking and an outer fence out of a reply's text. No I/O.

Hosts without a parser for the model pass its template on: K2's tool sections (vllm-project/vllm#38579), end
and separator tokens (ai-dynamo/dynamo#8820), ``<think>`` (MoonshotAI/kimi-cli#2621). Inside code they stay.
"""

import re
from dataclasses import dataclass
from typing import Final

from core.kimi import ReasoningDelta, ReplyEvent, TextDelta, ToolCall
from core.llm.continuation import is_in_code_block

MAX_HELD_CHARS: Final = 64  #: of a text that may be the beginning of a marker

_NAMED: Final = r"<[|｜](?:im_start|im_assistant|start|start_header_id)[|｜]>"
#: Special tokens, some with the role or the channel that the chat template writes behind them.
_SPECIAL: Final = (
    rf"{_NAMED}(?:assistant|system|user|tool)?\n?|<[|｜]channel[|｜]>final"
    r"|<[|｜][\w▁ ]{1,40}[|｜]>|<(?:eos|end_of_turn)>"
)
_SECTION_START: Final = re.compile(
    r"<\|tool_calls_section_begin\|>|<\|tool_call_begin\|>|<｜tool▁calls▁begin｜>|<(?:\w+:)?tool_calls?>"
    r"|functions\.[\w.-]+:\d+\s*<\|tool_call_argument_begin\|>"
)
_SECTION_END: Final = re.compile(r"<\|tool_calls_section_end\|>|<｜tool▁calls▁end｜>|</(?:\w+:)?tool_calls?>")
_CALL: Final = re.compile(
    r"functions\.(?P<name>[\w.-]+):(?P<number>\d+)\s*<\|tool_call_argument_begin\|>"
    r"(?P<arguments>.*?)(?:<\|tool_call_end\|>|\Z)",
    re.DOTALL,
)
_THINK_START: Final = re.compile(r"<(?:\w+:)?(?:think|thinking|thought|reasoning)>|◁think▷")
_THINK_END: Final = re.compile(r"</(?:\w+:)?(?:think|thinking|thought|reasoning)>|◁/think▷")
_CHANNEL_START: Final = re.compile(r"<\|channel\|>(?:analysis|commentary)<\|message\|>")  # gpt-oss
_CHANNEL_END: Final = re.compile(r"<\|(?:end|return|call)\|>")
_THOUGHT_ENDS: Final = (_THINK_END, _CHANNEL_END)
_MARK: Final = re.compile(
    rf"(?P<code>`+|~~~+)|(?P<section>{_SECTION_START.pattern})|(?P<think>{_THINK_START.pattern})"
    rf"|(?P<channel>{_CHANNEL_START.pattern})|(?P<drop>{_THINK_END.pattern}|{_SPECIAL})"
)
_PARTIAL: Final = re.compile(
    r"(?:`+|~+|<(?:[|｜][\w▁ ]{0,40}[|｜]?|/?[a-z_:]{0,24})|◁/?[a-z]{0,8}"
    rf"|(?:{_NAMED}|<\|channel\|>)\w{{0,12}}(?:<(?:[|｜]\w*[|｜]?)?)?"
    r"|\bf(?:u(?:n(?:c(?:t(?:i(?:o(?:n(?:s(?:\.[\w.-]*:?\d*\s*(?:<[|｜]?\w*[|｜]?)?)?)?)?)?)?)?)?)?)?)\Z"
)
_WRAPPER: Final = re.compile(r"\s*```(?:markdown|md)[ \t]*\n", re.IGNORECASE)
_MAYBE_WRAPPER: Final = re.compile(r"\s*(?:`{0,3}|```[a-z]{0,8}[ \t]*)\Z", re.IGNORECASE)
_WRAPPER_END: Final = re.compile(r"\n?```\s*\Z")
#: Possessive, and tried once for each run of white space: a model may write thousands of line feeds.
_MAYBE_WRAPPER_END: Final = re.compile(r"(?:(?<!\s)[^\S\n]*+(?P<lines>\n\s*+`{0,3}+)|(?P<run>`{1,3}))\s*+\Z")
_CUT_TOKEN: Final = re.compile(r"<[|｜][\w▁]*[|｜]?\Z")


@dataclass(slots=True)
class _Code:
    """The code in which the text is: its opening run of backticks or tildes; "" outside."""

    fence: str = ""
    is_block: bool = False

    def read(self, run: str, *, at_line_start: bool) -> None:
        """Take note of a run of backticks or tildes."""
        is_block = at_line_start and len(run) >= 3
        if not self.fence:
            if is_block or run[0] == "`":
                self.fence, self.is_block = run, is_block
        elif (self.is_block and is_block and run.startswith(self.fence)) or (
            not self.is_block and run == self.fence
        ):
            self.fence = ""


class ReplyTextFilter:
    """Filters the text of one request's reply, piece by piece."""

    def __init__(self, before: str = "", *, begins_with_thinking: bool = False) -> None:
        """Begin a reply.

        Args:
            before: the text that the reply continues.
            begins_with_thinking: take the beginning for thinking that ends with ``</think>``; without that
                end, it is the answer.
        """
        self.has_unopened_thinking = False  #: ``</think>`` ended what had been taken for the answer
        self._is_guess = begins_with_thinking and not before
        self.calls: list[ToolCall] = []  #: tool calls that were written as text
        self._code = _Code("```", is_block=True) if is_in_code_block(before) else _Code()
        self._last = before[-1:] or "\n"
        self._held = ""
        self._section = ""  # text of a tool section, or of thinking, that has not ended yet
        self._ends_with = _THINK_END if self._is_guess else None  # what ends it
        self._is_start = not before and not self._is_guess
        self._is_wrapped = False
        self._strips_next = False  # white space behind thinking is dropped

    def feed(self, text: str) -> list[ReplyEvent]:
        """Return the events that a piece of text completes."""
        is_plain = not (
            self._held or self._is_start or self._ends_with or self._is_wrapped or self._strips_next
        )
        if is_plain and not _has_mark(text):
            self._last = text[-1]
            if self._code.fence and not self._code.is_block and "\n\n" in text:
                self._code = _Code()  # inline code ends with its paragraph
            return [TextDelta(text)]
        text, self._held = self._held + text, ""
        if self._is_start:
            if _MAYBE_WRAPPER.match(text) and len(text) < MAX_HELD_CHARS:
                self._held = text
                return []
            self._is_start = False
            if wrapper := _WRAPPER.match(text):
                self._is_wrapped = True
                text = text[wrapper.end() :]
        return self._split(text, is_end=False)

    def flush(self) -> list[ReplyEvent]:
        """Return the events that the end of the reply completes."""
        text, self._held, self._is_start = self._held, "", False
        events = self._split(_WRAPPER_END.sub("", text) if self._is_wrapped else text, is_end=True)
        if self._is_guess:
            return [*events, *([TextDelta(self._section)] if self._section else [])]
        if self._ends_with in _THOUGHT_ENDS:
            return [*events, *([ReasoningDelta(self._section)] if self._section else [])]
        if self._ends_with is not None:
            self._section = _CUT_TOKEN.sub("", self._section)
            self._end_section()
        return events

    def _split(self, text: str, *, is_end: bool) -> list[ReplyEvent]:
        events: list[ReplyEvent] = []
        while text:
            if self._ends_with is not None:
                text = self._read_section(text, events)
                continue
            mark = _MARK.search(text)
            held = None if is_end else self._find_partial(text)
            if mark is None or (held is not None and held <= mark.start()):
                cut = len(text) if held is None else held
                self._held = text[cut:]
                self._add_text(text[:cut], events)
                break
            if mark["code"] and mark.end() == len(text) and not is_end:
                cut = max(mark.start(), len(text) - MAX_HELD_CHARS)
                self._add_text(text[:cut], events)
                self._held = text[cut:]  # the run may go on; of one that is endless the end is enough
                break
            text = self._read_mark(text, mark, events)
        return events

    def _read_mark(self, text: str, mark: re.Match[str], events: list[ReplyEvent]) -> str:
        """Take note of one mark; return the text behind it."""
        self._add_text(text[: mark.start()], events)
        if mark["code"]:
            self._code.read(mark[0], at_line_start=self._last == "\n")
            self._add_text(mark[0], events)
        elif self._code.fence:
            self._add_text(mark[0], events)
        elif mark["section"]:
            self._section, self._ends_with = mark[0], _SECTION_END
        elif mark["think"] or mark["channel"]:
            self._section, self._ends_with = "", _THINK_END if mark["think"] else _CHANNEL_END
        else:
            self._strips_next = _THINK_END.fullmatch(mark[0]) is not None
            self.has_unopened_thinking |= self._strips_next
        return text[mark.end() :]

    def _read_section(self, text: str, events: list[ReplyEvent]) -> str:
        """Read more of a section; return the text after its end, "" if it has not ended."""
        pattern = self._ends_with
        whole = self._section + text
        unread = max(0, len(self._section) - MAX_HELD_CHARS)
        end = pattern.search(whole, unread) if pattern is not None else None
        if end is None:
            self._section = whole
            return ""
        self._section = whole[: end.start()]
        if pattern in _THOUGHT_ENDS:
            self._is_guess = False
            self._section = _THINK_START.sub("", self._section)
            if self._section:
                events.append(ReasoningDelta(self._section))
            self._section, self._ends_with, self._strips_next = "", None, True
        else:
            self._end_section()
        return whole[end.end() :]

    def _end_section(self) -> None:
        for call in _CALL.finditer(self._section):
            name, number = call["name"], call["number"]
            self.calls.append(ToolCall(f"{name}:{number}", name, call["arguments"].strip()))
        self._section, self._ends_with = "", None

    def _find_partial(self, text: str) -> int | None:
        """Return where a text begins that may become a mark; None if its end is plain."""
        if self._is_wrapped and (end := _MAYBE_WRAPPER_END.search(text)):
            return max(end.start("lines"), end.start("run"))  # the other one is -1
        partial = _PARTIAL.search(text, max(0, len(text) - MAX_HELD_CHARS))
        return partial.start() if partial else None

    def _add_text(self, text: str, events: list[ReplyEvent]) -> None:
        if self._strips_next:
            text = text.lstrip()
            self._strips_next = not text
        if text:
            self._last = text[-1]
            events.append(TextDelta(text))


def _has_mark(text: str) -> bool:
    return (
        "<" in text
        or "◁" in text
        or "`" in text
        or "~" in text
        or "functions." in text
        or bool(_PARTIAL.search(text))
    )
