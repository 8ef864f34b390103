"""Buttons under an answer, as Block Kit; and which one was pressed.

Sources: https://docs.slack.dev/reference/block-kit/blocks/actions-block and
https://docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.domain.events import Button, Choice, Control

PREFIX = "moonthread_"
"""Begins every ``action_id`` of ours."""

CHOICE = PREFIX + "choice_"
"""Begins the ``action_id`` of a :class:`Choice`; a number follows, as ids must differ."""

ELEMENTS = 25
"""Buttons in one actions block, at the most."""

_LABELS = {
    Control.STOP: ("Stop", "停止"),
    Control.RETRY: ("Retry", "重试"),
    Control.CONTINUE: ("Continue", "继续"),
    Control.GOOD: ("👍", "👍"),
    Control.BAD: ("👎", "👎"),
}
_FEEDBACK = frozenset({Control.GOOD, Control.BAD})


def blocks(controls: Sequence[Button], *, language: str = "") -> list[dict[str, Any]]:
    """Return the blocks that show ``controls``; [] for none. ``language`` is a BCP 47 tag."""
    shown: list[dict[str, Any]] = []
    choices = [one for one in controls if isinstance(one, Choice)]
    for first in range(0, len(choices), ELEMENTS):
        row = [_choice(index, one) for index, one in enumerate(choices[first : first + ELEMENTS], first)]
        shown.append({"type": "actions", "elements": row})
    orders = [one for one in controls if isinstance(one, Control) and one not in _FEEDBACK]
    if orders:
        shown.append({"type": "actions", "elements": [_button(one, language) for one in orders]})
    if set(controls) >= _FEEDBACK:
        shown.append({"type": "context_actions", "elements": [_feedback()]})
    return shown


def read(action: Mapping[str, Any]) -> Control | Choice | None:
    """Return the button in an element of ``actions``; None for an action that is not ours."""
    action_id = str(action.get("action_id", ""))
    if not action_id.startswith(PREFIX):
        return None
    if action_id.startswith(CHOICE):
        return Choice(label="", data=str(action.get("value", "")))
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


def _choice(index: int, choice: Choice) -> dict[str, Any]:
    text = {"type": "plain_text", "text": choice.label[:75], "emoji": True}
    return {"type": "button", "action_id": f"{CHOICE}{index}", "value": choice.data, "text": text}


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
