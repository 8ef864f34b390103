"""Quotas per UTC day: messages and tokens of a person, a chat and a tenant. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from core.access.access_lists import AccessLists, Actor


class RefusalReason(StrEnum):
    """Reason for which a person's question is refused."""

    PERSON_QUOTA = "person"  #: the person's quota is used up
    CHAT_QUOTA = "chat"  #: the chat's quota is used up
    TENANT_QUOTA = "tenant"  #: the quota of the Slack team or Telegram bot is used up
    FLOOD = "flood"  #: too many questions in a minute
    DUPLICATE = "repeat"  #: the same words too often
    BLOCKED = "blocked"


class QuotaKind(StrEnum):
    """Kind of a quota; the value is its field of :class:`Quotas`."""

    TENANT_TOKENS = "tenant_tokens"
    CHAT_TOKENS = "chat_tokens"
    CHAT_MESSAGES = "chat_messages"
    PERSON_TOKENS = "person_tokens"
    PERSON_MESSAGES = "person_messages"

    @property
    def counts_tokens(self) -> bool:
        """Whether it counts tokens, else questions."""
        return self in (QuotaKind.TENANT_TOKENS, QuotaKind.CHAT_TOKENS, QuotaKind.PERSON_TOKENS)

    @property
    def is_personal(self) -> bool:
        """Whether it is a person's."""
        return self in (QuotaKind.PERSON_TOKENS, QuotaKind.PERSON_MESSAGES)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsage:
    """Usage since the beginning of the UTC day."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """Daily limits of one person in one chat; 0 is no limit."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0

    def __bool__(self) -> bool:
        """Return whether there is any limit."""
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
    """Daily quotas of a deployment; 0 is no limit."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0
    unlisted_user_messages: int = 0  #: of a person who is :meth:`AccessLists.is_unlisted`

    def limit_of(self, kind: QuotaKind) -> int:
        """Return the limit of one quota; 0 is none."""
        limit: int = getattr(self, kind.value)
        return limit

    def limits_for(self, actor: Actor, access: AccessLists) -> QuotaLimits:
        """Return this person's limits in this chat; admins have none."""
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
    """Return the first quota that is used up; None if one more question may be asked.

    Running answers are never cut, so usage may exceed a token limit by one answer.
    """
    for reason, used, limit in (
        (RefusalReason.PERSON_QUOTA, usage.person_messages, limits.person_messages),
        (RefusalReason.PERSON_QUOTA, usage.person_tokens, limits.person_tokens),
        (RefusalReason.CHAT_QUOTA, usage.chat_messages, limits.chat_messages),
        (RefusalReason.CHAT_QUOTA, usage.chat_tokens, limits.chat_tokens),
        (RefusalReason.TENANT_QUOTA, usage.tenant_tokens, limits.tenant_tokens),
    ):
        if 0 < limit <= used:
            return reason
    return None
