"""The model port: one reply of Kimi as a stream of events."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from core.kimi import ChatRequest, OnRetry, ReplyEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Person and chat that a request is counted for in the fair queue."""

    person: str = ""  #: unique over all platforms; "" if nobody in particular asks
    chat: str = ""  #: platform and channel
    weight: float = 1.0  #: 2 gets twice the share of the account while requests wait


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePosition:
    """Position of a waiting request in the fair queue."""

    position: int  #: 1 is next; 0: the request is sent now
    eta_s: float  #: estimated seconds until it is sent


OnQueuePosition: TypeAlias = Callable[[QueuePosition], None]


@dataclass(slots=True, kw_only=True)
class CallContext:
    """What the requests of one answer have in common. Make one for each answer."""

    requester: Requester = field(default_factory=Requester)
    on_queue_position: OnQueuePosition | None = None  #: receives each change while a request waits
    on_retry: OnRetry | None = None  #: receives the error and the wait in seconds before each retry
    provider: str = ""
    """Name of the provider that answered the first request; written by the gateway. Requests that
    continue the answer go to it."""
    overran: bool = False
    """Whether a reply was ended because it was longer than any model writes: it is not continued."""


class ChatModel(Protocol):
    """A model that answers requests."""

    def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; the last one is :class:`core.kimi.Finished`.

        The request may wait for a permit of the account and after failures; ``context`` says who
        hears of it. Closing the generator ends the request (``contextlib.aclosing``).

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the account's limiter cannot be reached.
        """
