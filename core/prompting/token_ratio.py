"""How many tokens a model counts for each one that we estimate; learnt from every answer."""

from core.store import Database, usage
from core.text.tokens import LEARNING_RATE, MAX_RATIO, MIN_RATIO, update_ratio

_MIN_CHANGE_TO_SAVE = 0.02  #: a change of less is kept in memory alone


class TokenRatios:
    """The learnt ratios of all models."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ratios: dict[str, float] = {}

    async def get(self, model_id: str) -> float:
        """Return a model's ratio; 1 where nothing was learnt yet.

        Raises:
            StoreUnavailable: it could not be read.
        """
        if model_id not in self._ratios:
            async with self._database.read() as tx:
                self._ratios[model_id] = await usage.load_calibration(tx, _key(model_id)) or 1.0
        return self._ratios[model_id]

    async def update_from_usage(self, model_id: str, *, estimated: int, counted: int) -> None:
        """Take in what a model counted for a prompt that was estimated at ``estimated`` tokens.

        Raises:
            StoreUnavailable: it could not be stored.
        """
        ratio = await self.get(model_id)
        corrected = update_ratio(ratio, estimated=estimated, counted=counted)
        self._ratios[model_id] = corrected
        if abs(corrected - ratio) > _MIN_CHANGE_TO_SAVE:
            async with self._database.begin() as tx:
                await usage.save_calibration(tx, _key(model_id), corrected)

    async def update_from_count(self, model_id: str, ratio: float) -> None:
        """Take in a ratio that was measured at an occasion where ours was not good enough.

        One above ours counts at once: a prompt that is too long fails, one that is short does not.

        Raises:
            StoreUnavailable: it could not be stored.
        """
        known = await self.get(model_id)
        corrected = min(MAX_RATIO, ratio) if ratio > known else known + LEARNING_RATE * (ratio - known)
        self._ratios[model_id] = max(MIN_RATIO, corrected)
        async with self._database.begin() as tx:
            await usage.save_calibration(tx, _key(model_id), self._ratios[model_id])


def _key(model_id: str) -> str:
    return f"token-ratio:{model_id}"
