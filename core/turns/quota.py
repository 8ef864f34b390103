"""Quotas: whether a question may still be asked today."""

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
    """Compares a deployment's quotas with the stored usage."""

    def __init__(self, access: AccessLists, quotas: Quotas) -> None:
        self._access = access
        self._quotas = quotas

    async def refusal_reason(
        self, tx: Transaction, actor: Actor, item: InboxItem, *, rules: ChatRules | None = None
    ) -> RefusalReason | None:
        """Return why a question must not be asked; None if it may.

        A chat's ``rules`` may narrow the deployment's quotas and never widen them. A question that an
        earlier attempt has begun goes on whatever it costs, and one that was refused stays refused.
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
        state = await turns.get_state(tx, item.id)
        if state is not None:
            refused = state is TurnState.NOTICE and await quotas.was_notified(tx, actor, quotas.QUOTA_NOTICE)
            return RefusalReason.PERSON_QUOTA if refused else None
        alias = anonymous_alias(await get_or_create_key(tx, KEY_NAME), actor)
        reason = exceeded_quota(limits, await quotas.load_quota_usage(tx, actor, limits, alias=alias))
        if reason is not None:
            log.info("quota.exceeded", reason=reason.value, platform=actor.platform)
        return reason

    async def should_notify(self, tx: Transaction, actor: Actor, item: InboxItem) -> bool:
        """Return whether to notify the person of a refusal: once a day."""
        if item.refusal_reason:
            return True  # flood control stores only the one event that gets a notice
        state = await turns.get_state(tx, item.id)
        return state is not None or await quotas.claim_daily_notice(tx, actor, quotas.QUOTA_NOTICE)


def _stricter_limit(one: int, other: int) -> int:
    """Return the lower of two limits, of which 0 is none."""
    return min(one, other) if one and other else one or other
