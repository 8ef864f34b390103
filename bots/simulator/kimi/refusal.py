"""What the stand-in answers instead of a reply: status, type and the texts seen on the wire.

Texts are those that Moonshot documents or that people reported; the reference's sections are
named beside them in :mod:`.rules`, :mod:`.messages` and :mod:`.account`.
"""

from dataclasses import dataclass
from uuid import uuid4

import orjson


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is an error.

    ``raw`` replaces the JSON body where something in front of Kimi answers in its stead (an HTML
    page, a bare string, nothing at all).
    """

    status: int
    type: str = ""
    message: str = ""
    raw: bytes | None = None
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()  #: such as ("retry-after", "3")

    def moonshot_body(self) -> bytes:
        """Return Moonshot's body: ``{"error": {"message", "type"}}``, without ``code``."""
        if self.raw is not None:
            return self.raw
        return orjson.dumps({"error": {"message": self.message, "type": self.type}})

    def ace_body(self) -> bytes:
        """Return Ace Data Cloud's body: ``{"success", "error": {"code", "message"}, "trace_id"}``."""
        if self.raw is not None:
            return self.raw
        error = {"code": self.ace_code(), "message": self.message}
        return orjson.dumps({"success": False, "error": error, "trace_id": str(uuid4())})

    def ace_code(self) -> str:
        """Return the code that Ace Data Cloud gives for this refusal."""
        return _ACE_CODES.get(self.type) or ("bad_request" if self.status < 500 else "api_error")

    def ace_status(self) -> int:
        """Return the status that Ace Data Cloud gives for this refusal."""
        return _ACE_STATUSES.get(self.ace_code(), self.status) if self.raw is None else self.status


_ACE_CODES = {
    "incorrect_api_key_error": "no_token",
    "invalid_authentication_error": "invalid_token",
    "exceeded_current_quota_error": "used_up",
    "rate_limit_reached_error": "too_many_requests",
    "engine_overloaded_error": "too_many_requests",
}
_ACE_STATUSES = {"no_token": 400, "used_up": 403, "bad_request": 400, "api_error": 500}


def invalid(message: str) -> Refusal:
    """Return the 400 for a request that breaks a rule."""
    return Refusal(status=400, type="invalid_request_error", message=message)


def model_not_found(model: str) -> Refusal:
    """Return the 404 for a model that is unknown, retired or not permitted."""
    return Refusal(
        status=404,
        type="resource_not_found_error",
        message=f"Not found the model {model} or Permission denied",
    )


BARE_INVALID = invalid("Invalid request.")
NO_KEY = Refusal(status=401, type="incorrect_api_key_error", message="Incorrect API key provided")
BAD_KEY = Refusal(status=401, type="invalid_authentication_error", message="Invalid Authentication")
NOT_PERMITTED = Refusal(
    status=403, type="permission_denied_error", message="The API you are accessing is not open"
)
HIGH_RISK = Refusal(
    status=400,
    type="content_filter",
    message="The request was rejected because it was considered high risk",
)
NO_BALANCE = Refusal(
    status=429,
    type="exceeded_current_quota_error",
    message=(
        "Your account is suspended due to insufficient balance, "
        "please recharge your account or check your plan and billing details"
    ),
)
OVERLOADED = Refusal(
    status=429,
    type="engine_overloaded_error",
    message="The engine is currently overloaded, please try again later",
)
SERVER_ERROR = Refusal(status=500, type="server_error", message="Internal server error")
UNEXPECTED_OUTPUT = Refusal(status=500, type="unexpected_output", message="unexpected output")
UNAVAILABLE = Refusal(status=503, type="server_unavailable", message="The server is currently unavailable")
GATEWAY_TIMEOUT = Refusal(
    status=504,
    raw=(
        b"<html>\r\n<head><title>504 Gateway Time-out</title></head>\r\n"
        b"<body>\r\n<center><h1>504 Gateway Time-out</h1></center>\r\n</body>\r\n</html>\r\n"
    ),
    content_type="text/html",
)
EMPTY_BODY = Refusal(status=502, raw=b"")
BARE_STRING = Refusal(status=500, raw=orjson.dumps({"error": "upstream connect error"}))
MISSING_VERSION = invalid("missing required header Kimi-Api-Version")


class Refused(Exception):
    """Carries a refusal out of the rules."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__(refusal.message)
