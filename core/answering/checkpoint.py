"""Storing an answer while it is written, so that whoever takes it over goes on from there."""

import asyncio

import structlog

from core.domain.clock import Clock
from core.domain.errors import LeaseLost, StoreUnavailable
from core.llm.resumable_stream import Written
from core.store import Database, turns
from core.store.turns import Turn
from core.work_queue.active_answers import ActiveAnswer

log = structlog.get_logger(__name__)

MOST_PER_S = 20.0  #: checkpoints over all running answers of this process
LAST_WITHIN_S = 2.0  #: how long a process that stops tries to store the last words


class Checkpoints:
    """Stores the running answers of one process."""

    def __init__(self, database: Database, clock: Clock, *, every_s: float) -> None:
        """With few answers at once each is stored every ``every_s`` seconds."""
        self._database = database
        self._clock = clock
        self._every_s = every_s
        self._keeping = 0  # answers that are being kept

    async def keep(self, turn: Turn, written: Written, running: ActiveAnswer) -> None:
        """Store the answer now and then; end it where another run owns the turn."""
        self._keeping += 1
        try:
            await self._keep(turn, written, running)
        finally:
            self._keeping -= 1

    async def last(self, turn: Turn, written: Written) -> None:
        """Store the words so far once more, because this process goes and another goes on with them.

        What people see must not become shorter for it. Where it cannot be stored soon, it is left.
        """
        if not written.text:
            return
        try:
            async with asyncio.timeout(LAST_WITHIN_S):
                await self._save(turn, written.text, written.reasoning)
        except (LeaseLost, StoreUnavailable, TimeoutError) as exc:
            log.info("last_words_not_stored", error=type(exc).__name__)

    async def _keep(self, turn: Turn, written: Written, running: ActiveAnswer) -> None:
        stored = written.text
        while True:
            # With hundreds of answers at once the database would cost more than all their words.
            await self._clock.sleep(max(self._every_s, self._keeping / MOST_PER_S))
            if written.text == stored:
                continue
            text = written.text
            try:
                await self._save(turn, text, written.reasoning)
            except LeaseLost:
                running.cancel("fenced")
                return
            except StoreUnavailable as exc:
                log.warning("checkpoint_failed", error=str(exc))
            else:
                stored = text

    async def _save(self, turn: Turn, text: str, reasoning: str) -> None:
        async with self._database.begin() as tx:
            await turns.save_partial(tx, turn, partial=text, reasoning=reasoning)
