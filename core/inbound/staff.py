"""Who counts as staff in a chat that has rules.

Platforms are asked outside of every transaction; their adapters keep for some minutes what they say.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import structlog

from core.access import AccessLists, Actor
from core.chat_policy import ChatRules
from core.domain.addresses import ChatType, ThreadKey
from core.domain.clock import Clock
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived, Event, MessageReceived
from core.ports.platform import MemberLookup
from core.store import Database, rules
from core.store.conversations import Conversation

log = structlog.get_logger(__name__)

RULES_TTL_S: Final = 1.0  #: how old rules may be by which we tell whom to ask about
PLATFORM_TIMEOUT_S: Final = (
    2.0  #: how long it is waited for; the platform waits for our acknowledgement meanwhile
)
STAFF_COMMANDS: Final = frozenset({CommandName.TAKE, CommandName.BACK, CommandName.CLOSE})
STAFF_TTL_S: Final = 60.0  #: how long it is known of somebody that they are staff, once they were found to be
MAX_CACHED_CHATS: Final = 10_000  #: chats, before all are read anew
_NO_PLATFORMS: Final[Mapping[str, MemberLookup]] = MappingProxyType({})


class StaffDirectory:
    """Knows the staff of every chat."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        access: AccessLists | None = None,
        members: Mapping[str, MemberLookup] = _NO_PLATFORMS,
    ) -> None:
        """``members`` are the platforms that can be asked, by name."""
        self._database = database
        self._clock = clock
        self._access = access or AccessLists()
        self._members = members
        self._rules_cache: dict[tuple[str, ...], tuple[float, ChatRules | None]] = {}
        self._staff_cache: dict[tuple[str, ...], float] = {}

    async def is_from_staff(self, event: Event) -> bool:
        """Return whether an event is something that somebody of a chat's staff said.

        Raises:
            StoreUnavailable: the chat's rules could not be read.
        """
        if not isinstance(event, MessageReceived | CommandReceived) or event.chat_type is not ChatType.GROUP:
            return False
        key = event.address.key
        if isinstance(event, CommandReceived):
            if event.command in STAFF_COMMANDS:
                await self._check_and_cache(event, await self._load_rules(key) or ChatRules())
            return False
        found = await self._load_rules(key)
        if found is None:
            return False
        return await self._check_and_cache(event, found)

    async def is_staff_in(self, conversation: Conversation, person_id: str) -> bool:
        """Return whether a person is of the staff where a conversation is.

        In a direct conversation only admins of the deployment are.

        Raises:
            StoreUnavailable: the chat's rules could not be read.
        """
        key = conversation.key
        who = Actor.at(key, person_id)
        if conversation.chat_type is ChatType.DIRECT:
            return self._access.is_admin(who)
        found = await self._load_rules(key)
        return await self.is_chat_admin(who) if found is None else await self.is_staff(found, who)

    async def _load_rules(self, key: ThreadKey) -> ChatRules | None:
        """Return a chat's rules as they were at most a second ago; what is decided by them is read anew."""
        chat, now = (key.platform, key.tenant, key.channel), self._clock.time()
        kept = self._rules_cache.get(chat)
        if kept is not None and now - kept[0] < RULES_TTL_S:
            return kept[1]
        async with self._database.read() as tx:
            found = await rules.load(tx, key)
        if len(self._rules_cache) >= MAX_CACHED_CHATS:
            self._rules_cache.clear()
        self._rules_cache[chat] = (now, found)
        return found

    async def is_staff(self, rules: ChatRules, actor: Actor) -> bool:
        """Return whether a person counts as staff by a chat's rules."""
        if actor.person_id in rules.staff or await self.is_chat_admin(actor):
            return True
        for group in rules.staff_groups:
            if await self._ask_platform(actor, group):
                return True
        return False

    async def is_chat_admin(self, actor: Actor) -> bool:
        """Return whether a person may set a chat's rules: an admin of the deployment or of the chat."""
        return self._access.is_admin(actor) or await self._ask_platform(actor, "")

    def is_cached_staff(self, actor: Actor) -> bool:
        """Return whether a person was lately found to be of a chat's staff.

        Nobody is asked: for those who decide within a transaction, after :meth:`said` has asked.
        """
        until_s = self._staff_cache.get((actor.platform, actor.tenant, actor.channel, actor.person_id))
        return until_s is not None and self._clock.time() < until_s

    async def _check_and_cache(self, event: MessageReceived | CommandReceived, rules: ChatRules) -> bool:
        """Return whether who says something counts as staff, and keep it for :meth:`known`."""
        key = event.address.key
        who = Actor.at(key, event.author.id)
        place = (who.platform, who.tenant, who.channel, who.person_id)
        self._staff_cache.pop(place, None)
        if not await self.is_staff(rules, who):
            return False
        if len(self._staff_cache) >= MAX_CACHED_CHATS:
            self._staff_cache.clear()
        self._staff_cache[place] = self._clock.time() + STAFF_TTL_S
        return True

    async def _ask_platform(self, actor: Actor, group: str) -> bool:
        """Return whether a person is of a group, or with "" an admin of the chat."""
        members = self._members.get(actor.platform)
        if members is None or not actor.person_id:
            return False
        try:
            async with asyncio.timeout(PLATFORM_TIMEOUT_S):
                return await (
                    members.in_group(group, actor.person_id)
                    if group
                    else members.is_admin(actor.channel, actor.person_id)
                )
        except TimeoutError:
            log.warning("staff.lookup_timed_out", platform=actor.platform)
            return False
