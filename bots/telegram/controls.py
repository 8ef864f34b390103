"""Buttons under an answer, as an inline keyboard; and which one was pressed.

Source: https://core.telegram.org/bots/api#inlinekeyboardbutton (callback data: 64 bytes).
"""

from collections.abc import Sequence

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from core.domain.events import Button, Choice, Control

CHOICE = "choice:"
"""Begins the callback data of a :class:`Choice`."""

_LABELS = {
    Control.STOP: ("⏹ Stop", "⏹ 停止"),
    Control.RETRY: ("↻ Retry", "↻ 重试"),
    Control.CONTINUE: ("Continue", "继续"),
    Control.GOOD: ("👍", "👍"),
    Control.BAD: ("👎", "👎"),
}


def keyboard(controls: Sequence[Button], *, language: str = "") -> InlineKeyboardMarkup | None:
    """Return the keyboard that shows ``controls``; None for none. ``language`` is a BCP 47 tag.

    Controls stand in one row, choices below each other.
    """
    if not controls:
        return None
    chinese = language.lower().startswith("zh")
    row = [
        InlineKeyboardButton(_LABELS[one][chinese], callback_data=one.value)
        for one in controls
        if isinstance(one, Control)
    ]
    choices = [
        [InlineKeyboardButton(one.label, callback_data=CHOICE + one.data)]
        for one in controls
        if isinstance(one, Choice)
    ]
    return InlineKeyboardMarkup([*choices, *([row] if row else [])])


def read(data: str | None) -> Control | Choice | None:
    """Return what callback data stands for; None for data that is not ours."""
    if data is None:
        return None
    if data.startswith(CHOICE):
        return Choice(label="", data=data.removeprefix(CHOICE))
    try:
        return Control(data)
    except ValueError:
        return None
