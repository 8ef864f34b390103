"""Who counts as staff in a chat that has rules.

Platforms are asked outside of every transaction; their adapters cache the replies for some minutes.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

import structlog

from core.access import AccessLists, Actor
from core.chat_policy import ChatRules
from core.concurrency.deadline import DeadlineExceeded, run_with_timeout
from core.concurrency.ttl_cache import TtlCache
from core.domain.addresses import ChatType, ThreadKey
from core.domain.buttons import RunCommand
from core.domain.clock import Clock
from core.domain.command_names import CommandName
from core.domain.events import ButtonPressed, CommandReceived, Event, MessageReceived
from core.ports.platform import MemberLookup
from core.store import Database, rules
from core.store.conversations import Conversation

log = structlog.get_logger(__name__)

RULES_TTL_S: Final = 1.0  #: age up to which a chat's rules may decide whom the platform is asked about
PLATFORM_TIMEOUT_S: Final = 2.0  #: for one lookup; the platform waits for our acknowledgement meanwhile
STAFF_COMMANDS: Final = frozenset({CommandName.TAKE, CommandName.ASSIGN, CommandName.BACK, CommandName.CLOSE})
ADMIN_MENUS: Final = frozenset({CommandName.SETTINGS, CommandName.TOOLS})  #: which a chat's admins share
STAFF_TTL_S: Final = 60.0  #: for which a person found to be staff stays cached as such
MAX_CACHED: Final = 10_000  #: people, before the cache is cleared
_NO_PLATFORMS: Final[Mapping[str, MemberLookup]] = MappingProxyType({})


class StaffDirectory:
    """Finds out who is staff, by a chat's rules, the deployment's admins and the platforms."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        access: AccessLists | None = None,
        members: Mapping[str, MemberLookup] = _NO_PLATFORMS,
    ) -> None:
        """``members`` maps the name of each platform that can be asked to its lookup."""
        self._database = database
        self._clock = clock
        self._access = access or AccessLists()
        self._members = members
        self._rules: TtlCache[ThreadKey, ChatRules | None] = TtlCache(
            "rules", self._load_rules, clock, default=None, ttl_s=RULES_TTL_S
        )
        self._staff_until_s: dict[Actor, float] = {}

    async def is_from_staff(self, event: Event) -> bool:
        """Return whether an event is a message of a chat's staff, or an admin's press that sets its rules.

        The author of a staff command is only cached: the command's handler asks :meth:`is_cached_staff`.

        Raises:
            StoreUnavailable: the chat's rules could not be read.
        """
        match event:
            case MessageReceived(chat_type=ChatType.GROUP):
                chat_rules = await self._get_rules(event.address.key)
                return chat_rules is not None and await self._check_and_cache(Actor.of(event), chat_rules)
            case CommandReceived(chat_type=ChatType.GROUP, command=command) if command in STAFF_COMMANDS:
                chat_rules = await self._get_rules(event.address.key)
                await self._check_and_cache(Actor.of(event), chat_rules or ChatRules())
                return False
            case ButtonPressed(chat_type=ChatType.GROUP, action=RunCommand(command=command)) if (
                command in ADMIN_MENUS
            ):
                return await self.is_chat_admin(Actor.of(event))
            case _:
                return False

    async def is_staff_in(self, conversation: Conversation, person_id: str) -> bool:
        """Return whether a person is staff in the chat of a conversation.

        In a direct conversation only the deployment's admins are.

        Raises:
            StoreUnavailable: the chat's rules could not be read.
        """
        actor = Actor.at(conversation.key, person_id)
        if conversation.chat_type is ChatType.DIRECT:
            return self._access.is_admin(actor)
        chat_rules = await self._get_rules(conversation.key)
        if chat_rules is None:
            return await self.is_chat_admin(actor)
        return await self.is_staff(chat_rules, actor)

    async def is_staff(self, rules: ChatRules, actor: Actor) -> bool:
        """Return whether a person counts as staff by a chat's rules."""
        if actor.person_id in rules.staff or await self.is_chat_admin(actor):
            return True
        for group in rules.staff_groups:
            if await self.is_in_group(actor, group):
                return True
        return False

    async def is_in_group(self, actor: Actor, group: str) -> bool:
        """Return whether a person belongs to a user group of their platform."""
        return await self._ask_platform(actor, group)

    async def is_chat_admin(self, actor: Actor) -> bool:
        """Return whether a person may set a chat's rules: an admin of the deployment or of the chat."""
        return self._access.is_admin(actor) or await self._ask_platform(actor, "")

    def is_cached_staff(self, actor: Actor) -> bool:
        """Return whether a person was found to be staff of a chat within the last :data:`STAFF_TTL_S`.

        It asks nobody, so that a transaction can use it after :meth:`is_from_staff` has asked.
        """
        until_s = self._staff_until_s.get(actor)
        return until_s is not None and self._clock.time() < until_s

    async def _get_rules(self, key: ThreadKey) -> ChatRules | None:
        """Return a chat's rules, at most a second old: they decide only whom the platform is asked about."""
        return await self._rules.get(replace(key, thread=""))

    async def _load_rules(self, key: ThreadKey) -> ChatRules | None:
        async with self._database.read() as tx:
            return await rules.load(tx, key)

    async def _check_and_cache(self, actor: Actor, rules: ChatRules) -> bool:
        """Return whether a person counts as staff, and cache it for :meth:`is_cached_staff`."""
        self._staff_until_s.pop(actor, None)
        if not await self.is_staff(rules, actor):
            return False
        if len(self._staff_until_s) >= MAX_CACHED:
            self._staff_until_s.clear()
        self._staff_until_s[actor] = self._clock.time() + STAFF_TTL_S
        return True

    async def _ask_platform(self, actor: Actor, group: str) -> bool:
        """Return whether a person is a member of a group, or with "" an admin of the chat."""
        members = self._members.get(actor.platform)
        if members is None or not actor.person_id:
            return False
        try:
            return await run_with_timeout(_is_member(members, actor, group), PLATFORM_TIMEOUT_S, self._clock)
        except DeadlineExceeded:
            log.warning("staff.lookup_timed_out", platform=actor.platform)
            return False


async def _is_member(members: MemberLookup, actor: Actor, group: str) -> bool:
    if group:
        return await members.in_group(group, actor.person_id)
    return await members.is_admin(actor.channel, actor.person_id)
