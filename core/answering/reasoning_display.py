"""Shows Kimi's thinking above the answer, if the operator has switched it on."""

from core.domain.bot_messages import ThinkingStyle
from core.domain.clock import Clock
from core.text.language import Language


class ReasoningDisplay:
    """Turns Kimi's thinking into Markdown that is shown before the answer and only ever grows."""

    MARK = "💭"  #: begins the quote, so that a renderer can fold it

    def __init__(self, style: ThinkingStyle, language: Language, clock: Clock) -> None:
        self._style = style
        self._language = language
        self._clock = clock
        self._started_at: float | None = None
        self._finished = False

    def add_reasoning(self, text: str) -> str:
        """Return the text to show for the next piece of thinking; may be ""."""
        if self._finished:
            return ""
        first = self._started_at is None
        if first:
            self._started_at = self._clock.time()
            text = text.lstrip()
        if self._style is ThinkingStyle.LINE:
            return ""
        quoted = text.replace("\n", "\n> ")
        return f"> {self.MARK} {quoted}" if first else quoted

    def finish(self) -> str:
        """Return the text to show between the thinking and the answer's first word; may be ""."""
        if self._started_at is None or self._finished:
            return ""
        self._finished = True
        if self._style is ThinkingStyle.QUOTE:
            return "\n\n"
        seconds = max(1, round(self._clock.time() - self._started_at))
        told = f"思考了 {seconds} 秒" if self._language == "zh" else f"Thought for {seconds} s"
        return f"> {self.MARK} {told}\n\n"
