"""Sending to a customer while a call at the desk waits for its room's rate limit.

A desk's room takes few messages a minute and is shared by all of its tickets, so that the update of a card
can wait for a minute. What the team writes to the customer in that time does not wait for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from core.domain.handoff_state import OutboxSide
from core.domain.queue import QueueKey
from core.store import Database, outbox_queue
from core.store.outbox import OutboxItem

LOOK_INTERVAL_S: Final = 1.0  #: between two looks for rows, while a call at the desk lasts


class CustomerFirst:
    """Processes a queue's rows for the customer beside its row for the desk."""

    def __init__(self, database: Database, run: Callable[[OutboxItem], Awaitable[None]]) -> None:
        """``run`` processes one row."""
        self._database = database
        self._run = run

    async def beside(self, queue_key: QueueKey, item: OutboxItem, process: Coroutine[Any, Any, None]) -> None:
        """Await ``process``, which processes ``item``; if that is for the desk, serve the customer meanwhile.

        Rows of one side stay in their order: the next row for the desk comes after this one.
        """
        if item.side is OutboxSide.CUSTOMER:
            await process
            return
        task = asyncio.create_task(process)
        try:
            while not (await asyncio.wait({task}, timeout=LOOK_INTERVAL_S))[0]:
                async with self._database.read() as tx:
                    row = await outbox_queue.load_next_for_customer(tx, queue_key)
                if row is not None:
                    await self._run(row)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        except Exception:  # the call under way is not cut off: whether it was shown would be unknown
            await asyncio.gather(task, return_exceptions=True)
            raise
        await task
