"""What can go wrong between us and a platform's screen.

::

    MoonthreadError
    ├── SettingsError               bad configuration: every fault, with what to do
    ├── StoreUnavailable            the database did not answer or refused
    │   └── StoreRefusedData        it refuses the data; trying again does not help
    ├── DuplicateEvent              the event was stored before; nothing of it is stored again
    ├── LeaseLost                   another attempt owns this turn now; stop without a word
    └── PlatformError
        ├── PlatformRateLimited     nothing was shown; wait ``retry_after_s``
        ├── MessageGone             the message to edit was deleted; post anew
        │   └── MessageRemoved      by somebody who may decide that it does not belong there
        ├── PlatformRefused         the content was refused; a plainer form may pass
        ├── PlatformForbidden       blocked, kicked, archived: nothing will be shown there
        │   └── ThreadClosed        so in this thread only
        ├── DownloadRefused         an attachment cannot be had, and trying again does not help
        ├── PlatformUnavailable     nothing was shown; the same call may be tried again
        └── PlatformOutcomeUnknown  the call may have taken effect (a time-out, a lost reply)

Kimi's own errors are in :mod:`core.kimi.api_errors`.
"""

from typing import Literal, TypeAlias

DownloadRefusalReason: TypeAlias = Literal["too_large", "gone", "forbidden", "external"]


class MoonthreadError(Exception):
    """Base of every error that this project raises on purpose."""


class SettingsError(MoonthreadError):
    """The configuration is unusable; ``faults`` names every fault and what to do about it."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))


class StoreUnavailable(MoonthreadError):
    """The database cannot be reached or written; nothing was stored."""


class StoreRefusedData(StoreUnavailable):
    """The database refuses the data itself, such as a NUL character: trying again does not help."""


class DuplicateEvent(MoonthreadError):
    """An event that is stored already was delivered again; the transaction that met it is rolled back."""


class LeaseLost(MoonthreadError):
    """Another run has taken this turn over; this one must write and show nothing more."""


class PlatformError(MoonthreadError):
    """A platform refused or failed a call."""


class PlatformRateLimited(PlatformError):
    """The platform refused because a budget is spent; nothing was shown.

    ``method`` names the budget where the platform has one for each method (Slack).
    """

    def __init__(self, message: str, *, retry_after_s: float, method: str = "") -> None:
        self.retry_after_s = retry_after_s
        self.method = method
        super().__init__(message)


class MessageGone(PlatformError):
    """The message cannot be edited any more: deleted, or no longer ours to edit."""


class MessageRemoved(MessageGone):
    """The message was deleted by a person whom the platform lets delete the bot's messages: a moderator."""


class PlatformRefused(PlatformError):
    """The platform refused this content or these arguments; nothing was shown."""


class PlatformForbidden(PlatformError):
    """The bot cannot speak here any more: blocked, kicked, archived or muted."""


class ThreadClosed(PlatformForbidden):
    """The bot cannot speak in this thread or topic, which is closed or deleted; elsewhere it can."""


class DownloadRefused(PlatformError):
    """The platform does not give an attachment's bytes.

    ``reason`` is "too_large" (for the platform or for us), "gone" (deleted, or too old),
    "forbidden" (the bot lacks a permission) or "external" (it lies somewhere else).
    """

    def __init__(self, message: str, *, reason: DownloadRefusalReason) -> None:
        self.reason: DownloadRefusalReason = reason
        super().__init__(message)


class PlatformUnavailable(PlatformError):
    """The platform could not be reached or failed; nothing was shown."""


class PlatformOutcomeUnknown(PlatformError):
    """The call was sent and its reply is unknown; it may have taken effect."""
