"""Who counts as staff in a chat that has rules.

Platforms are asked outside of every transaction, and what they say is kept for some minutes.
"""

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import structlog

from core.access import Access, Who
from core.clock import Clock
from core.model import Event, Said, Scene, ThreadKey
from core.ports import Members
from core.rules import ChatRules
from core.store import Database, rules

log = structlog.get_logger(__name__)

RULES_KEPT_S: Final = 1.0
KEPT_S: Final = 300.0  #: how long a platform's word is kept
PATIENCE_S: Final = 2.0  #: how long it is waited for; the platform waits for our acknowledgement meanwhile
MOST_KEPT: Final = 10_000  #: words, before all are asked for anew
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
        self._kept: dict[tuple[str, ...], tuple[float, bool]] = {}
        self._rules_kept: dict[tuple[str, ...], tuple[float, ChatRules | None]] = {}

    async def said(self, event: Event) -> bool:
        """Return whether an event is something that somebody of a chat's staff said.

        Raises:
            StoreUnavailable: the chat's rules could not be read.
        """
        if not isinstance(event, Said) or event.scene is not Scene.GROUP:
            return False
        key = event.address.key
        found = await self._rules(key)
        if found is None:
            return False
        who = Who(platform=key.platform, tenant=key.tenant, channel=key.channel, person_id=event.author.id)
        return await self.counts(found, who)

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

    async def _asked(self, who: Who, group: str) -> bool:
        """Return whether a person is of a group, or with "" an admin of the chat."""
        members = self._members.get(who.platform)
        if members is None or not who.person_id:
            return False
        what = (who.platform, "" if group else who.channel, group, who.person_id)
        now = self._clock.time()
        kept = self._kept.get(what)
        if kept is not None and now - kept[0] < KEPT_S:
            return kept[1]
        try:
            async with asyncio.timeout(PATIENCE_S):
                told = await (
                    members.in_group(group, who.person_id)
                    if group
                    else members.is_admin(who.channel, who.person_id)
                )
        except TimeoutError:
            log.warning("staff_not_told", platform=who.platform)
            return False
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[what] = (now, told)
        return told
