"""A growing message as the scheduler sees it."""

from dataclasses import dataclass, field
from math import inf

from core.delivery.message_operations import Priority
from core.delivery.streamed_message import StreamedMessage
from core.delivery.token_bucket import TokenBucket
from core.ports.platform import Budget, DeliveryMode


@dataclass(slots=True, eq=False)
class ScheduledMessage:
    """A growing message as the scheduler sees it."""

    streamed: StreamedMessage
    status_cost: tuple[Budget, ...] = ()
    status_refresh_s: float = 0.0  #: 0: once is enough
    next_status_at: float | None = 0.0  #: when the status is due; None: never (again)
    in_flight: bool = False
    not_before: float = 0.0  #: back-off after a failed call
    last_update_at: float = -inf
    first_update_at: float | None = None  #: when this process showed its first words
    second_update_at: float = 0.0  #: earliest preview after a first frame that another budget paid
    budgets: tuple[Budget, ...] = field(init=False)
    mode: DeliveryMode = field(init=False)  #: how it grows, or would grow
    reserved_calls: list[tuple[TokenBucket, int]] = field(
        default_factory=list
    )  #: what the call in flight spent
    wake_at: float = inf  #: its one valid entry in the heap

    def __post_init__(self) -> None:
        rungs = self.streamed.modes
        every = [
            budget for rung in rungs for budget in (*rung.create_cost, *rung.update_cost, *rung.finalize_cost)
        ]
        self.budgets = tuple({budget.key: budget for budget in (*every, *self.status_cost)}.values())
        self.mode = rungs[0]


@dataclass(frozen=True, slots=True)
class SendPermit:
    """Permission for one message to compose its next frame now."""

    message: ScheduledMessage
    priority: Priority
    create_mode: DeliveryMode
