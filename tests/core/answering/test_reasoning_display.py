"""Thoughts stand before the answer, apart from it, and only ever grow."""

from core.answering.reasoning_display import ReasoningDisplay
from core.domain.bot_messages import ThinkingStyle


class Still:
    """A clock that is moved by hand."""

    now = 0.0

    def time(self) -> float:
        """Return the hand's position."""
        return self.now

    async def sleep(self, delay_s: float) -> None:
        """Move the hand."""
        self.now += delay_s


def test_thoughts_become_one_quote_before_the_answer() -> None:
    """Every line of the thinking is quoted, and a blank line parts it from the answer."""
    thinking = ReasoningDisplay(ThinkingStyle.QUOTE, "en", Still())
    shown = (
        thinking.add_reasoning(" First I look.\nThen I")
        + thinking.add_reasoning(" think.")
        + thinking.finish()
    )
    assert shown == "> 💭 First I look.\n> Then I think.\n\n"
    assert thinking.finish() == ""


def test_a_line_tells_only_how_long_it_took() -> None:
    """Where thoughts are not shown in full, their duration is, in the person's language."""
    clock = Still()
    thinking = ReasoningDisplay(ThinkingStyle.LINE, "zh", clock)
    assert thinking.add_reasoning("嗯") == ""
    clock.now = 12.2
    assert thinking.finish() == "> 💭 思考了 12 秒\n\n"


def test_an_answer_without_thinking_has_nothing_before_it() -> None:
    """A model that does not think shows no trace of it."""
    assert ReasoningDisplay(ThinkingStyle.QUOTE, "en", Still()).finish() == ""
