"""On which terms the conversations of a chat are handed over: where to, how patiently, by whom."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol, TypeAlias

from core.access import Access, Who
from core.domain.events import ThreadKey
from core.handoff import texts_for_customers
from core.handoff.deadlines import Patience
from core.store import Transaction, rules
from core.store.handoffs import Place
from core.text.language import Language

KnownStaff: TypeAlias = Callable[[Who], bool]
"""Whether somebody is of a chat's staff, as far as that is known without asking a platform."""

OnOffer: TypeAlias = Literal["offer", "ask"]
"""Where the bot thinks that a person should help: it offers one, or asks for one at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskTerms:
    """The terms of one chat now."""

    desk: Place | None = None  #: None: nobody can take over
    people: tuple[str, ...] = ()  #: reminded by name: "slack:U0123", "telegram:42"
    names: bool = True  #: whether customers see who writes to them
    patience: Patience = field(default_factory=Patience)
    unasked: OnOffer = "offer"
    away: str = ""  #: told to customers while nobody is there: when somebody will be; "" in office hours

    def named(self, platform: str) -> Sequence[str]:
        """Return the ids of the people to remind who are on a platform."""
        return [person.partition(":")[2] for person in self.people if person.partition(":")[0] == platform]


class DeskRules(Protocol):
    """Knows the terms of every chat. It reads the database at the most: doors ask it."""

    async def terms(self, tx: Transaction, key: ThreadKey, language: Language, now: datetime) -> DeskTerms:
        """Return the terms on which conversations on ``key``'s channel are handed over now."""

    async def is_staff(self, tx: Transaction, who: Who) -> bool:
        """Return whether this person works for those who run the chat."""


class ChatDeskRules:
    """The deployment's terms, with what a chat's own rules say in their place."""

    def __init__(
        self, terms: DeskTerms, access: Access | None = None, *, known: KnownStaff = lambda who: False
    ) -> None:
        """``known`` tells what the platforms said lately: see :meth:`core.inbound.staff.Staff.known`."""
        self._terms = terms
        self._access = access or Access()
        self._known = known

    async def terms(self, tx: Transaction, key: ThreadKey, language: Language, now: datetime) -> DeskTerms:
        """Return the terms of a chat; outside of its business hours with what customers are told."""
        own = await rules.of(tx, key)
        if own is None:
            return self._terms
        room, terms = own.desk_room, self._terms
        if room is not None:
            terms = replace(terms, desk=Place(platform=room[0], channel=room[1]))
        if own.desk_people:
            terms = replace(terms, people=own.desk_people)
        if own.hours is not None and own.closed(now):
            opens = own.hours.opens(now)
            terms = replace(terms, away=texts_for_customers.away(language, opens, own.hours.zone))
        return terms

    async def is_staff(self, tx: Transaction, who: Who) -> bool:
        """Return whether this person is an admin of the deployment or the chat, or staff by its rules."""
        if self._access.is_admin(who):
            return True
        key = ThreadKey(platform=who.platform, tenant=who.tenant, channel=who.channel, thread="")
        own = await rules.of(tx, key)
        return (own is not None and who.person_id in own.staff) or self._known(who)
