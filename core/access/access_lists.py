"""Allow and deny lists. Pure.

An entry is "platform:id". The id is a tenant's (Slack team), a channel's (Slack channel, Telegram chat)
or a person's; ids of different kinds never collide on either platform.
"""

from dataclasses import dataclass, field

from core.access.channel_moves import ChannelMoves
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


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLists:
    """The lists of a deployment; by default everybody is allowed."""

    allow: frozenset[str] = frozenset()  #: empty: everybody
    deny: frozenset[str] = frozenset()  #: overrides ``allow``
    admins: frozenset[str] = frozenset()  #: "platform:person id"; allowed without an entry in ``allow``
    moves: ChannelMoves = field(default_factory=ChannelMoves, compare=False)
    """Entries for a channel's earlier id hold for the channel."""

    def is_allowed(self, actor: Actor) -> bool:
        """Return whether this person is answered in this channel."""
        entries = self._entries_of(actor)
        if entries & self.deny:
            return False
        return not self.allow or bool(entries & self.allow) or self.is_admin(actor)

    def is_admin(self, actor: Actor) -> bool:
        """Return whether this person is an admin of the deployment; the user at the terminal always is."""
        return actor.platform == "terminal" or f"{actor.platform}:{actor.person_id}" in self.admins

    def is_unlisted(self, actor: Actor) -> bool:
        """Return whether this person was admitted by nobody: anybody can write to a Telegram bot.

        A Slack team's members were admitted by its admins.
        """
        return (
            actor.platform == "telegram"
            and not self._entries_of(actor) & self.allow
            and not self.is_admin(actor)
        )

    def _entries_of(self, actor: Actor) -> frozenset[str]:
        """Return the entries of a list that match a person, their channel or tenant."""
        ids = {actor.tenant, actor.person_id, *self.moves.ids_of(actor.platform, actor.channel)}
        return frozenset(f"{actor.platform}:{id_}" for id_ in ids)
