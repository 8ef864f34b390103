"""On which terms the conversations of a chat are handed over: where to, how patiently, by whom."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from core.access import AccessLists, Actor
from core.domain.addresses import ThreadKey
from core.handoff import texts_for_customers
from core.handoff.deadlines import HandoffTimeouts
from core.store import Transaction, rules
from core.store.handoffs import DeskRoom
from core.text.language import Language

CachedStaffCheck: TypeAlias = Callable[[Actor], bool]
"""Whether somebody is of a chat's staff, as far as that is known without asking a platform."""

EscalationMode: TypeAlias = Literal["offer", "ask"]
"""Where the bot thinks that a person should help: it offers one, or asks for one at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffPolicy:
    """The terms of one chat now."""

    desk_room: DeskRoom | None = None  #: None: nobody can take over
    escalation_contacts: tuple[str, ...] = ()  #: reminded by name: "slack:U0123", "telegram:42"
    show_staff_names: bool = True  #: whether customers see who writes to them
    timeouts: HandoffTimeouts = field(default_factory=HandoffTimeouts)
    escalation_mode: EscalationMode = "offer"
    away_notice: str = (
        ""  #: told to customers while nobody is there: when somebody will be; "" in office hours
    )

    def contacts_on(self, platform: str) -> Sequence[str]:
        """Return the ids of the people to remind who are on a platform."""
        return [
            person.partition(":")[2]
            for person in self.escalation_contacts
            if person.partition(":")[0] == platform
        ]


class HandoffPolicies(Protocol):
    """Knows the terms of every chat. It reads the database at the most: doors ask it."""

    async def load(self, tx: Transaction, key: ThreadKey, language: Language, now: datetime) -> HandoffPolicy:
        """Return the terms on which conversations on ``key``'s channel are handed over now."""

    async def is_staff(self, tx: Transaction, who: Actor) -> bool:
        """Return whether this person works for those who run the chat."""


class ChatHandoffPolicies:
    """The deployment's terms, with what a chat's own rules say in their place."""

    def __init__(
        self,
        default_policy: HandoffPolicy,
        access: AccessLists | None = None,
        *,
        is_known_staff: CachedStaffCheck = lambda who: False,
    ) -> None:
        """``known`` tells what the platforms said lately: see :meth:`StaffDirectory.known`."""
        self._default_policy = default_policy
        self._access = access or AccessLists()
        self._is_known_staff = is_known_staff

    async def load(self, tx: Transaction, key: ThreadKey, language: Language, now: datetime) -> HandoffPolicy:
        """Return the terms of a chat; outside of its business hours with what customers are told."""
        own = await rules.load(tx, key)
        if own is None:
            return self._default_policy
        room, terms = own.desk_room, self._default_policy
        if room is not None:
            terms = replace(terms, desk_room=DeskRoom(platform=room[0], channel=room[1]))
        if own.desk_people:
            terms = replace(terms, escalation_contacts=own.desk_people)
        if own.hours is not None and own.is_closed(now):
            opens = own.hours.next_start(now)
            terms = replace(
                terms, away_notice=texts_for_customers.away_text(language, opens, own.hours.time_zone)
            )
        return terms

    async def is_staff(self, tx: Transaction, who: Actor) -> bool:
        """Return whether this person is an admin of the deployment or the chat, or staff by its rules."""
        if self._access.is_admin(who):
            return True
        key = ThreadKey(platform=who.platform, tenant=who.tenant, channel=who.channel, thread="")
        own = await rules.load(tx, key)
        return (own is not None and who.person_id in own.staff) or self._is_known_staff(who)
