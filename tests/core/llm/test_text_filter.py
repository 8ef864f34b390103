"""Markers, tool sections, thinking and wrappers in the text of replies."""

import pytest

from core.kimi import ReasoningDelta, TextDelta
from core.llm.text_filter import ReplyTextFilter

SECTION = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.web_search:0<|tool_call_argument_begin|>"
    '{"query": "tea"}<|tool_call_end|><|tool_calls_section_end|>'
)


def filtered(*pieces: str, before: str = "") -> tuple[str, str, list[tuple[str, str]]]:
    """Return the text, the thinking and the tool calls of a reply."""
    text_filter = ReplyTextFilter(before)
    events = [event for piece in pieces for event in text_filter.feed(piece)] + text_filter.flush()
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    return text, reasoning, [(call.name, call.arguments) for call in text_filter.calls]


@pytest.mark.parametrize(
    ("reply", "text", "reasoning"),
    [
        ("Plain words, 1 < 2, `code` and ~tilde~.", "Plain words, 1 < 2, `code` and ~tilde~.", ""),
        ("A whole answer.<|im_end|>", "A whole answer.", ""),
        ("<|im_start|>assistant\nHi", "Hi", ""),
        ("<|im_assistant|>assistant<|im_middle|>Hi", "Hi", ""),  # Kimi K2's own template
        ("<|im_start|>Hippopotamus", "Hippopotamus", ""),
        ("A whole answer.<end_of_turn>", "A whole answer.", ""),
        (
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hi",
            "Hi",
            "Hm.",
        ),
        ("◁think▷Hm.◁/think▷Hi", "Hi", "Hm."),  # Kimi-VL
        ("<thought>Hm.</thought>\n\nHi", "Hi", "Hm."),
        ("<seed:think>Hm.</seed:think>Hi", "Hi", "Hm."),
        ("<minimax:tool_call>\n{}\n</minimax:tool_call>Hi", "Hi", ""),
        ("a ◁ b, <s>old</s>, 3 < n:m and `◁think▷`", "a ◁ b, <s>old</s>, 3 < n:m and `◁think▷`", ""),
        ("I look. " + SECTION, "I look. ", ""),
        ("I look. " + SECTION + "Done.", "I look. Done.", ""),
        (
            "I look. " + SECTION.removeprefix("<|tool_calls_section_begin|><|tool_call_begin|>"),
            "I look. ",
            "",
        ),
        ("<tool_call>\n{}\n</tool_call>Hi", "Hi", ""),
        ("<think>The user greets me…</think>\n\nHello, friend!", "Hello, friend!", "The user greets me…"),
        ("<think>never closed", "", "never closed"),
        ("Words.</think>\n\nHello", "Words.Hello", ""),
        ("The token `<|im_end|>` and `<think>` stay.", "The token `<|im_end|>` and `<think>` stay.", ""),
        ("```\n<|im_start|>\n<think>\n```\nB<|sep|>", "```\n<|im_start|>\n<think>\n```\nB", ""),
        ("```markdown\n# Title\n\nSome **bold**.\n```", "# Title\n\nSome **bold**.", ""),
        ("```md\nA\n```py\nx\n```\nB\n```\n", "A\n```py\nx\n```\nB", ""),
        ("```python\nx\n```", "```python\nx\n```", ""),
        ("", "", ""),
    ],
)
def test_a_reply_is_cleaned_however_it_is_cut(reply: str, text: str, reasoning: str) -> None:
    """What is no text for people is left out, also if it is cut anywhere; inside code it stays."""
    assert filtered(reply)[:2] == (text, reasoning)
    assert filtered(*reply)[:2] == (text, reasoning)
    assert filtered(*(reply[at : at + 3] for at in range(0, len(reply), 3)))[:2] == (text, reasoning)


def test_a_flood_of_line_feeds_is_read_at_once() -> None:
    """Models that loop write thousands of them; within a wrapper, each may come before its end."""
    flood = "\n" * 20_000
    assert filtered("```markdown\nA", f"{flood}B\n```")[0] == f"A{flood}B"


def test_calls_in_the_text_are_tool_calls() -> None:
    """Each call of a section, with its arguments."""
    assert filtered("I look. " + SECTION)[2] == [("web_search", '{"query": "tea"}')]
    assert filtered("I look. ", SECTION[:-40])[2] == [("web_search", '{"query": "tea"}')]


def test_thinking_that_was_never_opened_is_learnt() -> None:
    """The first reply shows it before its end is known; later ones hold the beginning (F15)."""
    first = ReplyTextFilter()
    first.feed("The user greets me…</think>\n\nHello")
    assert first.has_unopened_thinking
    later = ReplyTextFilter(begins_with_thinking=True)
    events = [
        *later.feed("The user greets"),
        *later.feed(" me…</thi"),
        *later.feed("nk>\n\nHello"),
        *later.flush(),
    ]
    assert events == [ReasoningDelta("The user greets me…"), TextDelta("Hello")]
    answer = ReplyTextFilter(begins_with_thinking=True)
    assert [*answer.feed("Hello"), *answer.flush()] == [TextDelta("Hello")]


def test_a_continuation_knows_that_it_is_in_code() -> None:
    """The text before it decides whether a marker is code."""
    assert filtered("<|im_end|>\n```\n<|im_end|>", before="```\nx = ")[0] == "<|im_end|>\n```\n"
