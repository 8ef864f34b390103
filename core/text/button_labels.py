"""Labels of the buttons under an answer, in Chinese and English."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core.domain.buttons import ActionButton
from core.text.language import language_of_tag, pick

_LABELS: Final[Mapping[ActionButton, tuple[str, str]]] = MappingProxyType(
    {
        ActionButton.STOP: ("Stop", "停止"),
        ActionButton.RETRY: ("Retry", "重试"),
        ActionButton.CONTINUE: ("Continue", "继续"),
        ActionButton.GOOD: ("👍", "👍"),
        ActionButton.BAD: ("👎", "👎"),
    }
)


def action_label(action: ActionButton, language_tag: str) -> str:
    """Return the label of a button; ``language_tag`` is the BCP 47 tag of the person's client."""
    english, chinese = _LABELS[action]
    return pick(language_of_tag(language_tag), zh=chinese, en=english)
