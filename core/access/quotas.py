"""Budgets of one UTC day: how many messages and tokens a person, a chat and a tenant may use. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from core.access.access_lists import AccessLists, Actor


class RefusalReason(StrEnum):
    """Why Kimi is not asked: whose budget is used up, or what else stands against a person."""

    PERSON_QUOTA = "person"
    CHAT_QUOTA = "chat"
    TENANT_QUOTA = "tenant"
    FLOOD = "flood"  #: too many questions at once
    DUPLICATE = "repeat"  #: the same too often
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """What was used since the day began."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """What may be used in a day by somebody in some place; 0 is no limit."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0

    def __bool__(self) -> bool:
        """Return whether anything is limited."""
        return any(
            (
                self.person_messages,
                self.person_tokens,
                self.chat_messages,
                self.chat_tokens,
                self.tenant_tokens,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The budgets of a deployment, each for one UTC day; 0 is no limit."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0
    unlisted_user_messages: int = 0  #: for people for whom nobody vouches (:meth:`AccessLists.is_stranger`)

    def limits_for(self, actor: Actor, access: AccessLists) -> QuotaLimits:
        """Return what this person may use here; admins may use all they want."""
        if access.is_admin(actor):
            return QuotaLimits()
        messages = self.person_messages
        if access.is_unlisted(actor) and self.unlisted_user_messages:
            messages = min(messages, self.unlisted_user_messages) if messages else self.unlisted_user_messages
        return QuotaLimits(
            person_messages=messages,
            person_tokens=self.person_tokens,
            chat_messages=self.chat_messages,
            chat_tokens=self.chat_tokens,
            tenant_tokens=self.tenant_tokens,
        )


def exceeded_quota(limits: QuotaLimits, usage: QuotaUsage) -> RefusalReason | None:
    """Return whose budget leaves no room for one more question; None where all do.

    An answer that has begun is never cut, so that its tokens may pass the limit by one answer.
    """
    for over, used, limit in (
        (RefusalReason.PERSON_QUOTA, usage.person_messages, limits.person_messages),
        (RefusalReason.PERSON_QUOTA, usage.person_tokens, limits.person_tokens),
        (RefusalReason.CHAT_QUOTA, usage.chat_messages, limits.chat_messages),
        (RefusalReason.CHAT_QUOTA, usage.chat_tokens, limits.chat_tokens),
        (RefusalReason.TENANT_QUOTA, usage.tenant_tokens, limits.tenant_tokens),
    ):
        if 0 < limit <= used:
            return over
    return None
