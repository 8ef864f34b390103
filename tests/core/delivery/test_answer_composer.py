"""Text that is far ahead of the screen."""

from collections.abc import Sequence

import pytest

from core.delivery.answer_composer import STEP_CHARS, AnswerComposer
from core.delivery.message_operations import NO_BUTTONS
from core.delivery.message_sequence import MessageSequence
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.ports.platform import DeliveryMode
from core.testing.fake_message_channel import FakeRenderer

PAGE_CHARS = 1_000
MODE = DeliveryMode(name=DeliveryModeName.EDIT, create_cost=(), update_cost=(), finalize_cost=())


class CountingRenderer:
    """A renderer that notes how many characters are new to it in each call."""

    def __init__(self, page_chars: int) -> None:
        self._inner = FakeRenderer(page_chars)
        self._known_chars = 0
        self.new_chars: list[int] = []

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Render, and count."""
        self.new_chars.append(len(markdown) - self._known_chars)
        self._known_chars = len(markdown)
        return self._inner.render(markdown, complete=complete)


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("page_chars", [PAGE_CHARS, 3 * STEP_CHARS])
def test_a_long_text_is_rendered_step_by_step(page_chars: int, complete: bool) -> None:
    """100,000 characters at once would hold up the event loop; each page appears once and in order."""
    renderer = CountingRenderer(page_chars)
    composer = AnswerComposer(lambda: renderer, MessageSequence([MODE], buttons=NO_BUTTONS, opened_at=0.0))
    text = "".join(f"{number:09} " for number in range(10_000))
    composer.text.append(text, 0.0)
    if complete:
        composer.finish()
    shown: dict[int, str] = {}
    while (operation := composer.compose(MODE, 0.0)) is not None:
        assert operation.rendered is not None
        assert operation.index not in shown
        shown[operation.index] = operation.rendered.text
        composer.applied(operation, MessageRef(channel="c", message_id=str(operation.index)), 0.0)
        if operation.completes or (not complete and composer.next_priority(0.0) is None):
            break
    assert "".join(shown[index] for index in sorted(shown)).rstrip() == text.rstrip()
    assert max(renderer.new_chars) <= STEP_CHARS
    assert min(renderer.new_chars) >= 0
    assert composer.complete is complete
