"""Allow and deny lists: who is answered at all. Pure.

An entry is "platform:id", where the id is a tenant's (Slack team), a channel's (Slack channel,
Telegram chat) or a person's; the platforms' ids of these kinds never look alike.
"""

from dataclasses import dataclass

from core.domain.addresses import ThreadKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody in some place, by the platform's own ids."""

    platform: str
    tenant: str
    channel: str
    person_id: str

    @classmethod
    def at(cls, key: ThreadKey, person_id: str) -> "Actor":
        """Return a person where a conversation is."""
        return cls(platform=key.platform, tenant=key.tenant, channel=key.channel, person_id=person_id)

    @property
    def list_entries(self) -> frozenset[str]:
        """The entries of a list that mean this person or place."""
        return frozenset(f"{self.platform}:{id_}" for id_ in (self.tenant, self.channel, self.person_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLists:
    """The lists of a deployment; by default everybody is let in."""

    allow: frozenset[str] = frozenset()  #: empty: everybody
    deny: frozenset[str] = frozenset()  #: goes before ``allow``
    admins: frozenset[str] = frozenset()  #: "platform:person id"; let in without standing in ``allow``

    def is_allowed(self, actor: Actor) -> bool:
        """Return whether this person is answered in this place."""
        if actor.list_entries & self.deny:
            return False
        return not self.allow or bool(actor.list_entries & self.allow) or self.is_admin(actor)

    def is_admin(self, actor: Actor) -> bool:
        """Return whether this person is an admin of the deployment, as whoever sits at its terminal is."""
        return actor.platform == "terminal" or f"{actor.platform}:{actor.person_id}" in self.admins

    def is_unlisted(self, actor: Actor) -> bool:
        """Return whether nobody vouches for this person: anybody can write to a Telegram bot.

        In a Slack team an admin has let people in.
        """
        return (
            actor.platform == "telegram" and not actor.list_entries & self.allow and not self.is_admin(actor)
        )
