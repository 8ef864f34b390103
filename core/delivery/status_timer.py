"""When the typing status of one answer is shown. Pure: time is passed in as seconds."""

from core.ports.platform import Budget

STATUS_DELAY_S = 0.03  #: "is typing" can wait until Kimi is asked; a reply that follows at once needs none
FREE_REFILL_S = (
    1.0  #: Kimi takes about this long to its first token, so a call that refills meanwhile is free
)


class StatusTimer:
    """Due times of the status, and whether it is on the screen."""

    def __init__(
        self,
        cost: tuple[Budget, ...],
        refresh_s: float,
        *,
        text_cost: tuple[Budget, ...],
        first_at: float | None,
    ) -> None:
        """Plan the first status.

        Args:
            cost: the budgets that one call spends from.
            refresh_s: seconds after which the platform removes a status; 0 if it stays.
            text_cost: the budgets of text. A status that shares one of them costs a call that text
                needs, so it waits for as long as that call takes to refill.
            first_at: when the first status is wanted; None for no status at all.
        """
        self.cost = cost
        self.next_at = first_at
        self.shown = False
        self._refresh_s = refresh_s
        if first_at is not None:
            refill_s = max((1.0 / budget.per_s for budget in cost if budget in text_cost), default=0.0)
            self.next_at = first_at + max(0.0, refill_s - FREE_REFILL_S)

    def sent(self, now: float) -> None:
        """Take note that a status is sent now, and plan the next."""
        self.next_at = now + self._refresh_s if self._refresh_s else None
