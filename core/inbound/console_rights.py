"""Rights on the web console: a person's role, and the conversations that they may read and change.

They are read again for every request, so that a person who is removed from a list loses them at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.access import Actor
from core.inbound.staff import StaffDirectory
from core.store import Database, rules
from core.store.conversation_scope import EVERYTHING, NOTHING, ChatPlace, ConversationScope
from core.store.rules import StoredChatRules

LOCAL: Final = "shell"  #: platform of a person who has a shell on the server, and so the database


class ConsoleRole(StrEnum):
    """Role of a person on the console."""

    ADMIN = "admin"  #: reads and changes everything
    DESK = "desk"  #: member of a team: the conversations of its chats and desk
    VIEWER = "viewer"  #: reads everything but settings and the audit log; changes nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleRights:
    """Rights of one person."""

    role: ConsoleRole
    readable: ConversationScope
    changeable: ConversationScope


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsolePeople:
    """Who has a role by the deployment's settings; each person is "platform:id"."""

    admins: frozenset[str] = frozenset()
    desk_people: frozenset[str] = frozenset()
    viewers: frozenset[str] = frozenset()
    desk: str = ""  #: the deployment's desk, as "platform:channel"


_ADMIN: Final = ConsoleRights(role=ConsoleRole.ADMIN, readable=EVERYTHING, changeable=EVERYTHING)
_VIEWER: Final = ConsoleRights(role=ConsoleRole.VIEWER, readable=EVERYTHING, changeable=NOTHING)


class ConsoleRightsReader:
    """Reads rights from the deployment's settings, the rules of chats and the platforms' user groups."""

    def __init__(self, database: Database, people: ConsolePeople, staff: StaffDirectory) -> None:
        self._database = database
        self._people = people
        self._staff = staff

    async def load(self, person: str) -> ConsoleRights | None:
        """Return the rights of a person, given as "platform:id"; None if they have none.

        Raises:
            StoreUnavailable: the chats' rules could not be read.
        """
        platform, _, person_id = person.partition(":")
        if not person_id:
            return None
        if platform == LOCAL or person in self._people.admins:
            return _ADMIN
        async with self._database.read() as tx:
            stored = await rules.load_all(tx)
        scope = _desk_scope(person, stored, self._people, await self._groups_of(platform, person_id, stored))
        if person in self._people.viewers:
            return _VIEWER if scope is None else _rights_at_desk(scope, readable=EVERYTHING)
        return None if scope is None else _rights_at_desk(scope, readable=scope)

    async def _groups_of(
        self, platform: str, person_id: str, stored: Sequence[StoredChatRules]
    ) -> frozenset[str]:
        """Return the user groups named by rules that a person belongs to."""
        named = {group for one in stored if one.platform == platform for group in one.rules.staff_groups}
        actor = Actor(platform=platform, tenant="", channel="", person_id=person_id)
        return frozenset([group for group in sorted(named) if await self._staff.is_in_group(actor, group)])


def _rights_at_desk(scope: ConversationScope, *, readable: ConversationScope) -> ConsoleRights:
    return ConsoleRights(role=ConsoleRole.DESK, readable=readable, changeable=scope)


def _desk_scope(
    person: str, stored: Sequence[StoredChatRules], people: ConsolePeople, groups: frozenset[str]
) -> ConversationScope | None:
    """Return the conversations of the teams that a person belongs to; None if they belong to none."""
    platform, _, person_id = person.partition(":")
    chats, desks = set(), set()
    if person in people.desk_people and people.desk:
        desks.add(_room(people.desk))
    for one in stored:
        is_staff = one.platform == platform and (
            person_id in one.rules.staff or not groups.isdisjoint(one.rules.staff_groups)
        )
        if is_staff or person in one.rules.desk_people:
            chats.add(ChatPlace(platform=one.platform, channel=one.channel, tenant=one.tenant))
    if not (chats or desks):
        return None
    return ConversationScope(chats=frozenset(chats), desks=frozenset(desks))


def _room(text: str) -> ChatPlace:
    platform, _, channel = text.partition(":")
    return ChatPlace(platform=platform, channel=channel)
