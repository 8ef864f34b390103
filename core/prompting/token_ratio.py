"""Tokens that a model counts for each one that we estimate, learnt from every answer."""

from typing import Final

from core.store import Database, usage
from core.text.tokens import LEARNING_RATE, MAX_RATIO, MIN_RATIO, update_ratio

_MIN_CHANGE_TO_SAVE: Final = 0.02  #: a smaller change is kept in memory only


class TokenRatios:
    """The learnt ratios of all models, cached from the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ratios: dict[str, float] = {}

    async def get(self, model_id: str) -> float:
        """Return a model's ratio; 1 if none was learnt yet.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        if model_id not in self._ratios:
            async with self._database.read() as tx:
                self._ratios[model_id] = await usage.load_calibration(tx, _key(model_id)) or 1.0
        return self._ratios[model_id]

    async def update_from_usage(self, model_id: str, *, estimated: int, counted: int) -> None:
        """Update a model's ratio by one answer: its prompt's estimated and counted tokens.

        Raises:
            StoreUnavailable: the ratio cannot be stored.
        """
        ratio = await self.get(model_id)
        updated = update_ratio(ratio, estimated=estimated, counted=counted)
        self._ratios[model_id] = updated
        if abs(updated - ratio) > _MIN_CHANGE_TO_SAVE:
            async with self._database.begin() as tx:
                await usage.save_calibration(tx, _key(model_id), updated)

    async def update_from_count(self, model_id: str, ratio: float) -> None:
        """Learn a ratio that was counted because the estimate was near the edge of the context.

        A higher one counts at once: a prompt that is too long fails, one that is too short does not.

        Raises:
            StoreUnavailable: the ratio cannot be stored.
        """
        known = await self.get(model_id)
        updated = min(MAX_RATIO, ratio) if ratio > known else known + LEARNING_RATE * (ratio - known)
        self._ratios[model_id] = max(MIN_RATIO, updated)
        async with self._database.begin() as tx:
            await usage.save_calibration(tx, _key(model_id), self._ratios[model_id])


def _key(model_id: str) -> str:
    return f"token-ratio:{model_id}"
