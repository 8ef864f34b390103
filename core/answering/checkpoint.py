"""Stores answers while they are written, so that the next attempt continues an interrupted one."""

import asyncio
from typing import Final

import structlog

from core.domain.clock import Clock
from core.domain.errors import LeaseLost, StoreUnavailable
from core.domain.turn_states import CancelReason
from core.llm.streamed_answer import StreamedAnswer
from core.store import Database, turns
from core.store.turns import Turn
from core.work_queue.active_answers import ActiveAnswer

log = structlog.get_logger(__name__)

MAX_SAVES_PER_S: Final = 20.0  #: checkpoints over all running answers of this process
FLUSH_TIMEOUT_S: Final = 2.0  #: how long a process that stops tries to store the last text


class Checkpoints:
    """Stores the running answers of one process."""

    def __init__(self, database: Database, clock: Clock, *, interval_s: float) -> None:
        """Store each answer every ``interval_s`` seconds; less often if many answers run at once."""
        self._database = database
        self._clock = clock
        self._interval_s = interval_s
        self._active_answers = 0

    async def run(self, turn: Turn, answer: StreamedAnswer, running: ActiveAnswer) -> None:
        """Store the answer periodically until cancelled; cancel it if another attempt owns the turn."""
        self._active_answers += 1
        try:
            await self._save_periodically(turn, answer, running)
        finally:
            self._active_answers -= 1

    async def flush(self, turn: Turn, answer: StreamedAnswer) -> None:
        """Store the text so far, because this process stops and another one continues the answer.

        The message that people see must not become shorter by that. If the text cannot be stored
        soon, it is left.
        """
        if not answer.text:
            return
        try:
            async with asyncio.timeout(FLUSH_TIMEOUT_S):
                await self._save(turn, answer.text, answer.reasoning)
        except (LeaseLost, StoreUnavailable, TimeoutError) as exc:
            log.info("answer.flush_failed", error=type(exc).__name__)

    async def _save_periodically(self, turn: Turn, answer: StreamedAnswer, running: ActiveAnswer) -> None:
        saved_text = answer.text
        while True:
            # With hundreds of answers at once, short intervals would load the database more than the rest.
            await self._clock.sleep(max(self._interval_s, self._active_answers / MAX_SAVES_PER_S))
            if answer.text == saved_text:
                continue
            text = answer.text
            try:
                await self._save(turn, text, answer.reasoning)
            except LeaseLost:
                running.cancel(CancelReason.LEASE_LOST)
                return
            except StoreUnavailable as exc:
                log.warning("answer.checkpoint_failed", error=str(exc))
            else:
                saved_text = text

    async def _save(self, turn: Turn, text: str, reasoning: str) -> None:
        async with self._database.begin() as tx:
            await turns.save_partial(tx, turn, partial=text, reasoning=reasoning)
