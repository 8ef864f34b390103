"""Buttons under an answer, as Block Kit; and which one was pressed.

Sources: https://docs.slack.dev/reference/block-kit/blocks/actions-block and
https://docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.model import Control

PREFIX = "moonthread_"
"""Begins every ``action_id`` of ours."""

_LABELS = {
    Control.STOP: ("Stop", "停止"),
    Control.RETRY: ("Retry", "重试"),
    Control.CONTINUE: ("Continue", "继续"),
    Control.GOOD: ("👍", "👍"),
    Control.BAD: ("👎", "👎"),
}
_FEEDBACK = frozenset({Control.GOOD, Control.BAD})


def blocks(controls: Sequence[Control], *, language: str = "") -> list[dict[str, Any]]:
    """Return the blocks that show ``controls``; [] for none. ``language`` is a BCP 47 tag."""
    shown: list[dict[str, Any]] = []
    orders = [one for one in controls if one not in _FEEDBACK]
    if orders:
        shown.append({"type": "actions", "elements": [_button(one, language) for one in orders]})
    if set(controls) >= _FEEDBACK:
        shown.append({"type": "context_actions", "elements": [_feedback()]})
    return shown


def read(action: Mapping[str, Any]) -> Control | None:
    """Return the control in an element of ``actions``; None for an action that is not ours."""
    if not str(action.get("action_id", "")).startswith(PREFIX):
        return None
    try:
        return Control(action.get("value", ""))
    except ValueError:
        return None


def _button(control: Control, language: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": PREFIX + control.value,
        "value": control.value,
        "text": _label(control, language),
    }


def _feedback() -> dict[str, Any]:
    def side(control: Control, spoken: str) -> dict[str, Any]:
        label = _label(control, "")
        return {"text": label, "value": control.value, "accessibility_label": spoken}

    return {
        "type": "feedback_buttons",
        "action_id": PREFIX + "feedback",
        "positive_button": side(Control.GOOD, "Good answer"),
        "negative_button": side(Control.BAD, "Bad answer"),
    }


def _label(control: Control, language: str) -> dict[str, Any]:
    english, chinese = _LABELS[control]
    text = chinese if language.lower().startswith("zh") else english
    return {"type": "plain_text", "text": text, "emoji": True}
