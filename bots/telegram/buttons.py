"""Buttons under an answer, as an inline keyboard; and which one was pressed.

Source: https://core.telegram.org/bots/api#inlinekeyboardbutton (callback data: 64 bytes).
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from core.domain.buttons import ActionButton, Button, OptionButton, encode_button

_LABELS = {
    ActionButton.STOP: ("⏹ Stop", "⏹ 停止"),
    ActionButton.RETRY: ("↻ Retry", "↻ 重试"),
    ActionButton.CONTINUE: ("Continue", "继续"),
    ActionButton.GOOD: ("👍", "👍"),
    ActionButton.BAD: ("👎", "👎"),
}


def render_buttons(buttons: Sequence[Button], *, language: str = "") -> InlineKeyboardMarkup | None:
    """Return the keyboard that shows ``controls``; None for none. ``language`` is a BCP 47 tag.

    Controls stand in one row, choices below each other.
    """
    if not buttons:
        return None
    chinese = language.lower().startswith("zh")
    row = [
        InlineKeyboardButton(_LABELS[one][chinese], callback_data=encode_button(one))
        for one in buttons
        if isinstance(one, ActionButton)
    ]
    choices = [
        [InlineKeyboardButton(one.label, callback_data=encode_button(one.action))]
        for one in buttons
        if isinstance(one, OptionButton)
    ]
    return InlineKeyboardMarkup([*choices, *([row] if row else [])])
