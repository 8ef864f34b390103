"""Handoff policies of chats: the desk, its people, its timeouts, and who counts as staff."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from core.access import AccessLists, Actor
from core.chat_policy import ChatRules
from core.domain.addresses import ThreadKey
from core.handoff import texts_for_customers
from core.handoff.deadlines import HandoffTimeouts
from core.handoff.staff_text import SendMode
from core.store import Transaction, rules
from core.store.handoffs import DeskRoom
from core.text.language import Language

CachedStaffCheck: TypeAlias = Callable[[Actor], bool]
"""Returns whether a person is staff of a chat, as far as it is known without asking the platform."""


class EscalationMode(StrEnum):
    """What the bot does if it could not help."""

    OFFER = "offer"  #: show a button that requests a person
    REQUEST = "ask"  #: request a person at once


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffPolicy:
    """The policy of one chat at one moment."""

    desk_room: DeskRoom | None = None  #: None: nobody can take over
    fallback_desk_room: DeskRoom | None = None  #: takes over if the first room is gone
    escalation_contacts: tuple[str, ...] = ()  #: people to remind by name, as "slack:U0123", "telegram:42"
    show_staff_names: bool = True  #: customers see the names of the people who write to them
    timeouts: HandoffTimeouts = field(default_factory=HandoffTimeouts)
    send_mode: SendMode = SendMode.ALL
    desk_language: Language | Literal[""] = ""  #: of texts for the team; "": the customer's
    asks_rating: bool = True  #: customers are asked for stars when a handoff is closed
    escalation_mode: EscalationMode = EscalationMode.OFFER
    away_notice: str = ""  #: tells customers when staff is back; "" during business hours
    opens_at: datetime | None = None  #: next start of the business hours; None during them, or if unknown

    def has_desk_for(self, key: ThreadKey) -> bool:
        """Return whether a conversation in ``key``'s channel can be handed off: the desk is another room."""
        room = self.desk_room
        return room is not None and not room.is_channel_of(key)

    def contacts_on(self, platform: str) -> Sequence[str]:
        """Return the ids of the contacts on one platform."""
        named = (contact.partition(":") for contact in self.escalation_contacts)
        return [person_id for contact_platform, _, person_id in named if contact_platform == platform]


class HandoffPolicies:
    """The deployment's policy, overridden by the rules of each chat. It reads the database only."""

    def __init__(
        self,
        default_policy: HandoffPolicy,
        access: AccessLists | None = None,
        *,
        is_known_staff: CachedStaffCheck = lambda actor: False,
    ) -> None:
        """Combine the deployment's policy with its staff.

        Args:
            default_policy: of chats without rules.
            access: names the deployment's admins, who are staff everywhere.
            is_known_staff: see :meth:`core.inbound.staff.StaffDirectory.known`.
        """
        self._default_policy = default_policy
        self._access = access or AccessLists()
        self._is_known_staff = is_known_staff

    async def load(self, tx: Transaction, key: ThreadKey, language: Language, now: datetime) -> HandoffPolicy:
        """Return the policy of ``key``'s channel at ``now``, with its notice in ``language``."""
        own = await rules.load(tx, key)
        if own is None:
            return self._default_policy
        policy = self._default_policy
        if own.desk_room is not None:
            platform, channel = own.desk_room
            room = DeskRoom(platform=platform, channel=channel)
            policy = replace(policy, desk_room=room, fallback_desk_room=self._default_policy.desk_room)
        if own.desk_people:
            policy = replace(policy, escalation_contacts=own.desk_people)
        if own.hours is not None and own.is_closed(now):
            opens_at = own.hours.next_start(now)
            notice = texts_for_customers.away_text(language, opens_at, own.hours.time_zone)
            policy = replace(policy, away_notice=notice, opens_at=opens_at)
        return policy

    def has_desk(self, key: ThreadKey, own: ChatRules | None) -> bool:
        """Return whether a conversation in ``key``'s channel, with its rules, can be handed off."""
        if own is not None and own.desk_room is not None:
            platform, channel = own.desk_room
            return replace(
                self._default_policy, desk_room=DeskRoom(platform=platform, channel=channel)
            ).has_desk_for(key)
        return self._default_policy.has_desk_for(key)

    def is_desk(self, key: ThreadKey) -> bool:
        """Return whether ``key``'s channel is the deployment's desk."""
        room = self._default_policy.desk_room
        return room is not None and room.is_channel_of(key)

    async def is_staff(self, tx: Transaction, actor: Actor) -> bool:
        """Return whether a person is an admin of the deployment or staff of the chat."""
        if self._access.is_admin(actor):
            return True
        key = ThreadKey(platform=actor.platform, tenant=actor.tenant, channel=actor.channel, thread="")
        own = await rules.load(tx, key)
        return (own is not None and actor.person_id in own.staff) or self._is_known_staff(actor)
