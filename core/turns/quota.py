"""Whether a question may still be asked today."""

from dataclasses import replace

import structlog

from core.access import AccessLists, Actor, Quotas, RefusalReason, exceeded_quota
from core.chat_policy import ChatRules
from core.domain.turn_states import TurnState
from core.llm.pseudonymizing_model import KEY_NAME, anonymous_alias
from core.store import Transaction, quotas, turns
from core.store.inbox import InboxItem
from core.store.keys import get_or_create_key

log = structlog.get_logger(__name__)


class QuotaCheck:
    """Holds the budgets of a deployment against what the store has counted."""

    def __init__(self, access: AccessLists, quotas: Quotas) -> None:
        self._access = access
        self._quotas = quotas

    async def refusal_reason(
        self, tx: Transaction, actor: Actor, item: InboxItem, *, rules: ChatRules | None = None
    ) -> RefusalReason | None:
        """Return whose quota stands against a question; None where it may be asked.

        A chat's ``rules`` may narrow the deployment's budgets and never widen them.

        A question that was begun before, by a process that is gone, goes on whatever it costs; one
        that was refused stays refused.
        """
        if item.refusal_reason:
            return RefusalReason(item.refusal_reason)
        limits = self._quotas.limits_for(actor, self._access)
        if rules is not None and not self._access.is_admin(actor):
            limits = replace(
                limits,
                person_messages=_stricter_limit(limits.person_messages, rules.person_messages),
                chat_messages=_stricter_limit(limits.chat_messages, rules.chat_messages),
            )
        if not limits:
            return None
        begun = await turns.get_state(tx, item.id)
        if begun is not None:
            refused = begun is TurnState.NOTICE and await quotas.was_notified(tx, actor, quotas.QUOTA_NOTICE)
            return RefusalReason.PERSON_QUOTA if refused else None
        name = anonymous_alias(await get_or_create_key(tx, KEY_NAME), actor)
        over = exceeded_quota(limits, await quotas.load_quota_usage(tx, actor, limits, alias=name))
        if over is not None:
            log.info("quota.exceeded", over=over.value, platform=actor.platform)
        return over

    async def should_notify(self, tx: Transaction, actor: Actor, item: InboxItem) -> bool:
        """Return whether the person is to be told: once a day, and not once a message."""
        if item.refusal_reason:
            return True  # the door lets only that one through
        begun = await turns.get_state(tx, item.id)
        return begun is not None or await quotas.claim_daily_notice(tx, actor, quotas.QUOTA_NOTICE)


def _stricter_limit(one: int, other: int) -> int:
    """Return the lower of two limits, of which 0 is none."""
    return min(one, other) if one and other else one or other
