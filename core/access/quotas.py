"""Budgets of one UTC day: how many messages and tokens a person, a chat and a tenant may use. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from core.access.access_lists import Access, Who


class Over(StrEnum):
    """Why Kimi is not asked: whose budget is used up, or what else stands against a person."""

    PERSON = "person"
    CHAT = "chat"
    TENANT = "tenant"
    FLOOD = "flood"  #: too many questions at once
    REPEAT = "repeat"  #: the same too often
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What was used since the day began."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
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
class Budgets:
    """The budgets of a deployment, each for one UTC day; 0 is no limit."""

    person_messages: int = 0
    person_tokens: int = 0
    chat_messages: int = 0
    chat_tokens: int = 0
    tenant_tokens: int = 0
    stranger_messages: int = 0  #: for people for whom nobody vouches (:meth:`Access.is_stranger`)

    def limits_for(self, who: Who, access: Access) -> Limits:
        """Return what this person may use here; admins may use all they want."""
        if access.is_admin(who):
            return Limits()
        messages = self.person_messages
        if access.is_stranger(who) and self.stranger_messages:
            messages = min(messages, self.stranger_messages) if messages else self.stranger_messages
        return Limits(
            person_messages=messages,
            person_tokens=self.person_tokens,
            chat_messages=self.chat_messages,
            chat_tokens=self.chat_tokens,
            tenant_tokens=self.tenant_tokens,
        )


def exceeded(limits: Limits, spent: Spending) -> Over | None:
    """Return whose budget leaves no room for one more question; None where all do.

    An answer that has begun is never cut, so that its tokens may pass the limit by one answer.
    """
    for over, used, limit in (
        (Over.PERSON, spent.person_messages, limits.person_messages),
        (Over.PERSON, spent.person_tokens, limits.person_tokens),
        (Over.CHAT, spent.chat_messages, limits.chat_messages),
        (Over.CHAT, spent.chat_tokens, limits.chat_tokens),
        (Over.TENANT, spent.tenant_tokens, limits.tenant_tokens),
    ):
        if 0 < limit <= used:
            return over
    return None
