"""Which sets a chat's questions are looked up in, and how strictly it keeps to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.domain.events import ThreadKey
from core.store import Transaction, canned, knowledge
from core.store.knowledge import Owner

CHAT_SET_PREFIX = (
    "chat:"  #: begins the names of the sets that chats are taught; no set of the operator has a colon
)


class KnowledgeRules(Protocol):
    """What a chat's rules say of knowledge."""

    @property
    def knowledge(self) -> Sequence[str]:
        """Return the names of the sets that the chat uses."""

    @property
    def strict(self) -> bool:
        """Return whether it answers from them alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchScope:
    """Where one chat's questions are looked up."""

    set_ids: Sequence[int]
    strict: bool


async def load_scope(tx: Transaction, key: ThreadKey, rules: KnowledgeRules) -> SearchScope:
    """Return a chat's scope: the sets that its rules name, and what was taught in it by ``/learn``.

    A name means the tenant's own set before the deployment's, and never another tenant's.
    """
    set_ids = await knowledge.resolve_set_ids(tx, owner_of(key), [*rules.knowledge, chat_set_name(key)])
    return SearchScope(set_ids=set_ids, strict=rules.strict)


def owner_of(key: ThreadKey) -> Owner:
    """Return who owns what is taught in a chat: its tenant."""
    return Owner(platform=key.platform, tenant=key.tenant)


def chat_set_name(key: ThreadKey) -> str:
    """Return the name of the set that a chat's ``/learn`` fills; every topic and thread of it shares that."""
    return f"{CHAT_SET_PREFIX}{key.channel}"


async def follow_channel(
    tx: Transaction, *, platform: str, tenant: str, old_channel: str, new_channel: str
) -> None:
    """Let what a chat was taught follow it to its new id."""
    owner = Owner(platform=platform, tenant=tenant)
    await knowledge.rename_set(
        tx, owner, old=f"{CHAT_SET_PREFIX}{old_channel}", new=f"{CHAT_SET_PREFIX}{new_channel}"
    )
    await canned.migrate_channel(tx, platform=platform, tenant=tenant, old=old_channel, new=new_channel)
