"""Allow and deny lists. Pure.

An entry is "platform:id". The id is a tenant's (Slack team), a channel's (Slack channel, Telegram chat)
or a person's; ids of different kinds never collide on either platform.
"""

from dataclasses import dataclass

from core.domain.addresses import ThreadKey
from core.domain.events import PersonEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person in a channel, by the platform's ids."""

    platform: str
    tenant: str
    channel: str
    person_id: str

    @classmethod
    def at(cls, key: ThreadKey, person_id: str) -> "Actor":
        """Return a person in a conversation's channel."""
        return cls(platform=key.platform, tenant=key.tenant, channel=key.channel, person_id=person_id)

    @classmethod
    def of(cls, event: PersonEvent) -> "Actor":
        """Return the person who caused an event, in the event's channel."""
        return cls.at(event.address.key, event.author.id)

    @property
    def list_entries(self) -> frozenset[str]:
        """The entries of a list that match this person, channel or tenant."""
        return frozenset(f"{self.platform}:{id_}" for id_ in (self.tenant, self.channel, self.person_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLists:
    """The lists of a deployment; by default everybody is allowed."""

    allow: frozenset[str] = frozenset()  #: empty: everybody
    deny: frozenset[str] = frozenset()  #: overrides ``allow``
    admins: frozenset[str] = frozenset()  #: "platform:person id"; allowed without an entry in ``allow``

    def is_allowed(self, actor: Actor) -> bool:
        """Return whether this person is answered in this channel."""
        if actor.list_entries & self.deny:
            return False
        return not self.allow or bool(actor.list_entries & self.allow) or self.is_admin(actor)

    def is_admin(self, actor: Actor) -> bool:
        """Return whether this person is an admin of the deployment; the user at the terminal always is."""
        return actor.platform == "terminal" or f"{actor.platform}:{actor.person_id}" in self.admins

    def is_unlisted(self, actor: Actor) -> bool:
        """Return whether this person was admitted by nobody: anybody can write to a Telegram bot.

        A Slack team's members were admitted by its admins.
        """
        return (
            actor.platform == "telegram" and not actor.list_entries & self.allow and not self.is_admin(actor)
        )
