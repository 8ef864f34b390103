"""Buttons under an answer, as an inline keyboard; and which one was pressed.

Source: https://core.telegram.org/bots/api#inlinekeyboardbutton (callback data: 64 bytes).
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from core.domain.bot_messages import ActionButton, Button, OptionButton

OPTION_PREFIX = "choice:"
"""Begins the callback data of a :class:`OptionButton`."""

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
        InlineKeyboardButton(_LABELS[one][chinese], callback_data=one.value)
        for one in buttons
        if isinstance(one, ActionButton)
    ]
    choices = [
        [InlineKeyboardButton(one.label, callback_data=OPTION_PREFIX + one.data)]
        for one in buttons
        if isinstance(one, OptionButton)
    ]
    return InlineKeyboardMarkup([*choices, *([row] if row else [])])


def parse_button(data: str | None) -> ActionButton | OptionButton | None:
    """Return what callback data stands for; None for data that is not ours."""
    if data is None:
        return None
    if data.startswith(OPTION_PREFIX):
        return OptionButton(label="", data=data.removeprefix(OPTION_PREFIX))
    try:
        return ActionButton(data)
    except ValueError:
        return None
