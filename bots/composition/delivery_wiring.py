"""Third stage: the dispatcher that shows answers, the budgets it spends, and the work queue."""

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bots.composition.infrastructure import Infrastructure
from core.delivery.budget_snapshot import BudgetSnapshotter
from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.shared_budget_store import SharedBudgetStore
from core.work_queue.embedded import EmbeddedWorkQueue

if TYPE_CHECKING:
    from core.work_queue.postgres import PostgresWorkQueue

AnyWorkQueue: TypeAlias = "EmbeddedWorkQueue | PostgresWorkQueue"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryComponents:
    """The dispatcher and the work queue of one process; they share one lease if there are replicas."""

    dispatcher: DeliveryDispatcher
    budget_snapshotter: BudgetSnapshotter | None  #: None if replicas share the budgets
    work_queue: AnyWorkQueue


def build_delivery(base: Infrastructure) -> DeliveryComponents:
    """Build the dispatcher and the work queue that the database calls for."""
    return _build_replicated(base) if base.replicated else _build_single(base)


def _build_single(base: Infrastructure) -> DeliveryComponents:
    """Build them for SQLite: budgets in memory, written to the database as a snapshot."""
    dispatcher = DeliveryDispatcher(base.clock, observer=base.observer)
    return DeliveryComponents(
        dispatcher=dispatcher,
        budget_snapshotter=BudgetSnapshotter(base.database, base.clock, dispatcher.pool),
        work_queue=EmbeddedWorkQueue(
            base.database,
            base.active_answers,
            base.clock,
            tenants=base.served_tenants,
            exclusive=base.exclusive,
        ),
    )


def _build_replicated(base: Infrastructure) -> DeliveryComponents:
    """Build them for PostgreSQL: shared budgets, and a lease that permits calls."""
    # Late imports: procrastinate takes 0.1 s to import, and SQLite has no use for it.
    from core.work_queue.postgres import ClusterTiming, PostgresWorkQueue
    from core.work_queue.postgres.lease import Lease

    timing = ClusterTiming()
    lease = Lease(timing.lease_s)
    dispatcher = DeliveryDispatcher(
        base.clock,
        shared_budgets=SharedBudgetStore(base.database, base.clock, replica=secrets.token_hex(4)),
        observer=base.observer,
        may_send=lambda: lease.valid,
    )
    work_queue = PostgresWorkQueue(
        base.database,
        base.active_answers,
        base.clock,
        tenants=base.served_tenants,
        timing=timing,
        lease=lease,
        on_lease_lost=dispatcher.cancel_calls,
    )
    return DeliveryComponents(dispatcher=dispatcher, budget_snapshotter=None, work_queue=work_queue)
