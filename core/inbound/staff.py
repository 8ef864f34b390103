"""Who counts as staff in a chat that has rules.

Platforms are asked outside of every transaction; their adapters keep for some minutes what they say.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import structlog

from core.access import Access, Who
from core.chat_policy import ChatRules
from core.domain.clock import Clock
from core.domain.events import CommandName, Event, Ordered, Said, Scene, ThreadKey
from core.ports.platform import Members
from core.store import Database, rules
from core.store.conversations import Conversation

log = structlog.get_logger(__name__)

RULES_KEPT_S: Final = 1.0  #: how old rules may be by which we tell whom to ask about
PATIENCE_S: Final = 2.0  #: how long it is waited for; the platform waits for our acknowledgement meanwhile
THEIR_COMMANDS: Final = frozenset({CommandName.TAKE, CommandName.BACK, CommandName.CLOSE})
KNOWN_S: Final = 60.0  #: how long it is known of somebody that they are staff, once they were found to be
MOST_KEPT: Final = 10_000  #: chats, before all are read anew
_NOBODY: Final[Mapping[str, Members]] = MappingProxyType({})


class Staff:
    """Knows the staff of every chat."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        access: Access | None = None,
        members: Mapping[str, Members] = _NOBODY,
    ) -> None:
        """``members`` are the platforms that can be asked, by name."""
        self._database = database
        self._clock = clock
        self._access = access or Access()
        self._members = members
        self._rules_kept: dict[tuple[str, ...], tuple[float, ChatRules | None]] = {}
        self._known: dict[tuple[str, ...], float] = {}

    async def said(self, event: Event) -> bool:
        """Return whether an event is something that somebody of a chat's staff said.

        Raises:
            StoreUnavailable: the chat's rules could not be read.
        """
        if not isinstance(event, Said | Ordered) or event.scene is not Scene.GROUP:
            return False
        key = event.address.key
        if isinstance(event, Ordered):
            if event.command in THEIR_COMMANDS:
                await self._counts(event, await self._rules(key) or ChatRules())
            return False
        found = await self._rules(key)
        if found is None:
            return False
        return await self._counts(event, found)

    async def serves(self, conversation: Conversation, person_id: str) -> bool:
        """Return whether a person is of the staff where a conversation is.

        In a direct conversation only admins of the deployment are.

        Raises:
            StoreUnavailable: the chat's rules could not be read.
        """
        key = conversation.key
        who = Who.at(key, person_id)
        if conversation.scene is Scene.DIRECT:
            return self._access.is_admin(who)
        found = await self._rules(key)
        return await self.runs(who) if found is None else await self.counts(found, who)

    async def _rules(self, key: ThreadKey) -> ChatRules | None:
        """Return a chat's rules as they were at most a second ago; what is decided by them is read anew."""
        chat, now = (key.platform, key.tenant, key.channel), self._clock.time()
        kept = self._rules_kept.get(chat)
        if kept is not None and now - kept[0] < RULES_KEPT_S:
            return kept[1]
        async with self._database.read() as tx:
            found = await rules.of(tx, key)
        if len(self._rules_kept) >= MOST_KEPT:
            self._rules_kept.clear()
        self._rules_kept[chat] = (now, found)
        return found

    async def counts(self, found: ChatRules, who: Who) -> bool:
        """Return whether a person counts as staff by a chat's rules."""
        if who.person_id in found.staff or await self.runs(who):
            return True
        for group in found.staff_groups:
            if await self._asked(who, group):
                return True
        return False

    async def runs(self, who: Who) -> bool:
        """Return whether a person may set a chat's rules: an admin of the deployment or of the chat."""
        return self._access.is_admin(who) or await self._asked(who, "")

    def known(self, who: Who) -> bool:
        """Return whether a person was lately found to be of a chat's staff.

        Nobody is asked: for those who decide within a transaction, after :meth:`said` has asked.
        """
        until_s = self._known.get((who.platform, who.tenant, who.channel, who.person_id))
        return until_s is not None and self._clock.time() < until_s

    async def _counts(self, event: Said | Ordered, found: ChatRules) -> bool:
        """Return whether who says something counts as staff, and keep it for :meth:`known`."""
        key = event.address.key
        who = Who.at(key, event.author.id)
        place = (who.platform, who.tenant, who.channel, who.person_id)
        self._known.pop(place, None)
        if not await self.counts(found, who):
            return False
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        self._known[place] = self._clock.time() + KNOWN_S
        return True

    async def _asked(self, who: Who, group: str) -> bool:
        """Return whether a person is of a group, or with "" an admin of the chat."""
        members = self._members.get(who.platform)
        if members is None or not who.person_id:
            return False
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await (
                    members.in_group(group, who.person_id)
                    if group
                    else members.is_admin(who.channel, who.person_id)
                )
        except TimeoutError:
            log.warning("staff_not_told", platform=who.platform)
            return False
