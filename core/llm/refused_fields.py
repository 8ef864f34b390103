"""Request fields that a provider's host refuses, kept over restarts: each start would pay for them again."""

from collections.abc import Mapping
from typing import Final

import structlog

from core.concurrency.task_set import TaskSet
from core.domain.errors import StoreUnavailable
from core.store import Database, usage
from core.store.clock import utc_now

log = structlog.get_logger(__name__)

KEPT_S: Final = 7 * 86_400.0  #: seconds after which a host is asked again whether it takes a field
MAX_KEY_CHARS: Final = 128  #: the width of the column


class RefusedFieldStore:
    """The refused fields of one account in the database, for each model."""

    def __init__(self, database: Database, account: str) -> None:
        """``account`` is its name by :func:`core.llm.limiter_store.account_name`."""
        self._database = database
        self._prefix = f"refused:{account}:"
        self._tasks = TaskSet()

    async def load(self) -> Mapping[str, frozenset[str]]:
        """Return the fields that were refused within the last week, by model."""
        async with self._database.read() as tx:
            rows = await usage.load_calibrations(tx, prefix=self._prefix)
        since, refused = utc_now().timestamp() - KEPT_S, dict[str, frozenset[str]]()
        for key, learnt_at in rows.items():
            model, _, field = key.removeprefix(self._prefix).rpartition(":")
            if learnt_at >= since:
                refused[model] = refused.get(model, frozenset()) | {field}
        return refused

    def save_later(self, model: str, fields: frozenset[str]) -> None:
        """Store the fields in the background; without the database they are learnt again."""
        self._tasks.spawn(self._save(model, fields), name="refused-fields")

    async def close(self) -> None:
        """Wait until everything is stored."""
        await self._tasks.wait_idle()

    async def _save(self, model: str, fields: frozenset[str]) -> None:
        now = utc_now().timestamp()
        keys = [f"{self._prefix}{model}:{field}" for field in sorted(fields)]
        try:
            async with self._database.begin() as tx:
                for key in keys:
                    if len(key) <= MAX_KEY_CHARS:
                        await usage.save_calibration(tx, key, now)
        except StoreUnavailable as exc:
            log.info("kimi.refused_fields_not_stored", error=str(exc))
