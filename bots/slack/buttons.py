"""Buttons under an answer, as Block Kit; and which one was pressed.

Sources: https://docs.slack.dev/reference/block-kit/blocks/actions-block and
https://docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.domain.buttons import (
    ActionButton,
    Button,
    ButtonAction,
    OptionButton,
    encode_button,
    parse_button_data,
)

ACTION_PREFIX = "moonthread_"
"""Begins every ``action_id`` of ours."""

OPTION_PREFIX = ACTION_PREFIX + "choice_"
"""Begins the ``action_id`` of a :class:`OptionButton`; a number follows, as ids must differ."""

MAX_ELEMENTS = 25
"""Buttons in one actions block, at the most."""

_LABELS = {
    ActionButton.STOP: ("Stop", "停止"),
    ActionButton.RETRY: ("Retry", "重试"),
    ActionButton.CONTINUE: ("Continue", "继续"),
    ActionButton.GOOD: ("👍", "👍"),
    ActionButton.BAD: ("👎", "👎"),
}
_FEEDBACK = frozenset({ActionButton.GOOD, ActionButton.BAD})


def render_buttons(buttons: Sequence[Button], *, language: str = "") -> list[dict[str, Any]]:
    """Return the blocks that show ``controls``; [] for none. ``language`` is a BCP 47 tag."""
    shown: list[dict[str, Any]] = []
    choices = [one for one in buttons if isinstance(one, OptionButton)]
    for first in range(0, len(choices), MAX_ELEMENTS):
        row = [
            _option_element(index, one)
            for index, one in enumerate(choices[first : first + MAX_ELEMENTS], first)
        ]
        shown.append({"type": "actions", "elements": row})
    orders = [one for one in buttons if isinstance(one, ActionButton) and one not in _FEEDBACK]
    if orders:
        shown.append({"type": "actions", "elements": [_action_element(one, language) for one in orders]})
    if set(buttons) >= _FEEDBACK:
        shown.append({"type": "context_actions", "elements": [_feedback_element()]})
    return shown


def parse_button(action: Mapping[str, Any]) -> ButtonAction | None:
    """Return the action of a pressed button; None for a button that is not ours."""
    if not str(action.get("action_id", "")).startswith(ACTION_PREFIX):
        return None
    return parse_button_data(str(action.get("value", "")))


def _action_element(action: ActionButton, language: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": ACTION_PREFIX + action.value,
        "value": encode_button(action),
        "text": _label(action, language),
    }


def _option_element(index: int, option: OptionButton) -> dict[str, Any]:
    text = {"type": "plain_text", "text": option.label[:75], "emoji": True}
    return {
        "type": "button",
        "action_id": f"{OPTION_PREFIX}{index}",
        "value": encode_button(option.action),
        "text": text,
    }


def _feedback_element() -> dict[str, Any]:
    def side(control: ActionButton, spoken: str) -> dict[str, Any]:
        label = _label(control, "")
        return {"text": label, "value": encode_button(control), "accessibility_label": spoken}

    return {
        "type": "feedback_buttons",
        "action_id": ACTION_PREFIX + "feedback",
        "positive_button": side(ActionButton.GOOD, "Good answer"),
        "negative_button": side(ActionButton.BAD, "Bad answer"),
    }


def _label(action: ActionButton, language: str) -> dict[str, Any]:
    english, chinese = _LABELS[action]
    text = chinese if language.lower().startswith("zh") else english
    return {"type": "plain_text", "text": text, "emoji": True}
