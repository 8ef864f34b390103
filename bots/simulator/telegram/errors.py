"""How the stand-in refuses: the Bot API's codes and texts.

The texts are those of tdlib/telegram-bot-api (``Client.cpp``) and of the cloud behind it.
"""

from typing import Any


class ApiError(Exception):
    """One refused call, as the Bot API would answer it."""

    def __init__(
        self, code: int, description: str, *, retry_after_s: int = 0, migrate_to_chat_id: int = 0
    ) -> None:
        self.code = code
        self.description = description
        self.retry_after_s = retry_after_s
        self.migrate_to_chat_id = migrate_to_chat_id
        super().__init__(description)

    def body(self) -> dict[str, Any]:
        """Return the reply's JSON."""
        parameters: dict[str, int] = {}
        if self.retry_after_s:
            parameters["retry_after"] = self.retry_after_s
        if self.migrate_to_chat_id:
            parameters["migrate_to_chat_id"] = self.migrate_to_chat_id
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        return body | ({"parameters": parameters} if parameters else {})


def bad_request(text: str) -> ApiError:
    """Return a 400 with Telegram's prefix."""
    return ApiError(400, f"Bad Request: {text}")


def forbidden(text: str) -> ApiError:
    """Return a 403 with Telegram's prefix."""
    return ApiError(403, f"Forbidden: {text}")


def conflict(text: str) -> ApiError:
    """Return a 409 with Telegram's prefix."""
    return ApiError(409, f"Conflict: {text}")


def too_many_requests(retry_after_s: int) -> ApiError:
    """Return a 429 that says how long to wait."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after_s}", retry_after_s=retry_after_s)
