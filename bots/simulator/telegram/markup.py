"""What Telegram accepts as ``reply_markup``. Pure."""

from typing import Any

from bots.simulator.telegram.errors import bad_request

CALLBACK_DATA_BYTES = 64
ACTIONS = ("callback_data", "url", "web_app", "login_url", "switch_inline_query", "copy_text", "pay")


def checked_markup(raw: Any) -> dict[str, Any] | None:
    """Return the markup as stored; None where there is none, or an inline keyboard without rows.

    Raises:
        ApiError: a button has no text, no action or too much data.
    """
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" not in raw:
        return raw
    rows = raw["inline_keyboard"]
    if not isinstance(rows, list):
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be of the type Array')
    kept = [[_button(button) for button in row] for row in rows if row]
    return {"inline_keyboard": kept} if kept else None


def _button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict) or not str(button.get("text", "")).strip():
        raise bad_request("text buttons are unallowed in the inline keyboard")
    if not any(name in button for name in ACTIONS):
        raise bad_request("text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= CALLBACK_DATA_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")
    return dict(button)
