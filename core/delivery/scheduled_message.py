"""A growing message as the scheduler sees it."""

from dataclasses import dataclass, field
from math import inf

from core.delivery.operations import Need
from core.delivery.streamed_message import Growing
from core.delivery.token_bucket import Bucket
from core.ports.platform import Budget, Rung


@dataclass(slots=True, eq=False)
class Lane:
    """A growing message as the scheduler sees it."""

    growing: Growing
    status_cost: tuple[Budget, ...] = ()
    status_every_s: float = 0.0  #: 0: once is enough
    status_at: float | None = 0.0  #: when the status is due; None: never (again)
    in_flight: bool = False
    not_before: float = 0.0  #: back-off after a failed call
    last_frame_at: float = -inf
    first_frame_at: float | None = None  #: when this process showed its first words
    second_frame_at: float = 0.0  #: earliest preview after a first frame that another budget paid
    budgets: tuple[Budget, ...] = field(init=False)
    rung: Rung = field(init=False)  #: how it grows, or would grow
    sent: list[tuple[Bucket, int]] = field(default_factory=list)  #: what the call in flight spent
    wake_at: float = inf  #: its one valid entry in the heap

    def __post_init__(self) -> None:
        rungs = self.growing.rungs
        every = [budget for rung in rungs for budget in (*rung.open, *rung.grow, *rung.close)]
        self.budgets = tuple({budget.key: budget for budget in (*every, *self.status_cost)}.values())
        self.rung = rungs[0]


@dataclass(frozen=True, slots=True)
class Grant:
    """Permission for one message to compose its next frame now."""

    lane: Lane
    need: Need
    opening: Rung
