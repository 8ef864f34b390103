"""Buttons under an answer: rendered as an inline keyboard.

Source: https://core.telegram.org/bots/api#inlinekeyboardbutton (callback data of at most 64 bytes).
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from core.domain.buttons import ActionButton, Button, OptionButton, encode_button
from core.text.button_labels import action_label

_ICONS = {ActionButton.STOP: "⏹ ", ActionButton.RETRY: "↻ "}


def render_buttons(buttons: Sequence[Button], *, language: str = "") -> InlineKeyboardMarkup | None:
    """Return the keyboard that shows ``buttons``; None if there are none.

    Options come first, one a row; the actions share the last row. ``language`` is a BCP 47 tag.
    """
    if not buttons:
        return None
    actions = [
        InlineKeyboardButton(
            _ICONS.get(one, "") + action_label(one, language), callback_data=encode_button(one)
        )
        for one in buttons
        if isinstance(one, ActionButton)
    ]
    options = [
        [InlineKeyboardButton(one.label, callback_data=encode_button(one.action))]
        for one in buttons
        if isinstance(one, OptionButton)
    ]
    return InlineKeyboardMarkup([*options, *([actions] if actions else [])])
