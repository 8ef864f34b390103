"""Buttons under an answer: rendered as Block Kit, and parsed when pressed.

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
from core.text.button_labels import action_label

ACTION_PREFIX = "moonthread_"
"""Prefix of every ``action_id`` of ours."""

OPTION_PREFIX = ACTION_PREFIX + "choice_"
"""Prefix of the ``action_id`` of a :class:`OptionButton`; a number follows, because ids must differ."""

MAX_ELEMENTS = 25
"""Maximum number of buttons in one actions block."""

_FEEDBACK = frozenset({ActionButton.GOOD, ActionButton.BAD})


def render_buttons(buttons: Sequence[Button], *, language: str = "") -> list[dict[str, Any]]:
    """Return the blocks that show ``buttons``; [] if there are none. ``language`` is a BCP 47 tag."""
    blocks: list[dict[str, Any]] = []
    options = [one for one in buttons if isinstance(one, OptionButton)]
    for first in range(0, len(options), MAX_ELEMENTS):
        row = [
            _option_element(index, one)
            for index, one in enumerate(options[first : first + MAX_ELEMENTS], first)
        ]
        blocks.append({"type": "actions", "elements": row})
    actions = [one for one in buttons if isinstance(one, ActionButton) and one not in _FEEDBACK]
    if actions:
        blocks.append({"type": "actions", "elements": [_action_element(one, language) for one in actions]})
    if set(buttons) >= _FEEDBACK:
        blocks.append({"type": "context_actions", "elements": [_feedback_element()]})
    return blocks


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
    def button(action: ActionButton, spoken: str) -> dict[str, Any]:
        return {"text": _label(action, ""), "value": encode_button(action), "accessibility_label": spoken}

    return {
        "type": "feedback_buttons",
        "action_id": ACTION_PREFIX + "feedback",
        "positive_button": button(ActionButton.GOOD, "Good answer"),
        "negative_button": button(ActionButton.BAD, "Bad answer"),
    }


def _label(action: ActionButton, language: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": action_label(action, language), "emoji": True}
