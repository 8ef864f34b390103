"""Whether a question may still be asked today."""

from dataclasses import replace

import structlog

from core.access import Access, Budgets, Over, Who, exceeded
from core.chat_policy import ChatRules
from core.llm.pseudonymizing_model import KEY, alias
from core.store import Transaction, budget, turns
from core.store.inbox import Item
from core.store.keys import key_of

log = structlog.get_logger(__name__)


class Allowance:
    """Holds the budgets of a deployment against what the store has counted."""

    def __init__(self, access: Access, budgets: Budgets) -> None:
        self._access = access
        self._budgets = budgets

    async def over(
        self, tx: Transaction, who: Who, item: Item, *, rules: ChatRules | None = None
    ) -> Over | None:
        """Return whose budget stands against a question; None where it may be asked.

        A chat's ``rules`` may narrow the deployment's budgets and never widen them.

        A question that was begun before, by a process that is gone, goes on whatever it costs; one
        that was refused stays refused.
        """
        if item.refused:
            return Over(item.refused)
        limits = self._budgets.limits_for(who, self._access)
        if rules is not None and not self._access.is_admin(who):
            limits = replace(
                limits,
                person_messages=_narrower(limits.person_messages, rules.person_messages),
                chat_messages=_narrower(limits.chat_messages, rules.chat_messages),
            )
        if not limits:
            return None
        begun = await turns.state_of(tx, item.id)
        if begun is not None:
            refused = begun == "notice" and await budget.was_told(tx, who, budget.BUDGET)
            return Over.PERSON if refused else None
        name = alias(await key_of(tx, KEY), who)
        over = exceeded(limits, await budget.spent(tx, who, limits, alias=name))
        if over is not None:
            log.info("budget_used_up", over=over.value, platform=who.platform)
        return over

    async def tells(self, tx: Transaction, who: Who, item: Item) -> bool:
        """Return whether the person is to be told: once a day, and not once a message."""
        if item.refused:
            return True  # the door lets only that one through
        begun = await turns.state_of(tx, item.id)
        return begun is not None or await budget.tell_once(tx, who, budget.BUDGET)


def _narrower(one: int, other: int) -> int:
    """Return the lower of two limits, of which 0 is none."""
    return min(one, other) if one and other else one or other
