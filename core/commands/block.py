"""``/block`` and ``/unblock``: who gets no answers in a chat. For those who run it."""

from collections.abc import Sequence

import structlog

from core.access import AccessLists, Actor
from core.commands.command import Command, CommandReply
from core.commands.options import admins_only_text, as_code
from core.domain.addresses import Person
from core.inbound.staff import StaffDirectory
from core.store import Database, Transaction, authors, blocked_people, history
from core.text.language import Language, pick

log = structlog.get_logger(__name__)


class BlockCommand:
    """Blocks a person: the author of the message that the command replies to, or the one it names."""

    def __init__(self, database: Database, access: AccessLists, *, staff: StaffDirectory) -> None:
        self._database = database
        self._access = access
        self._staff = staff

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order."""
        if not await self._staff.is_staff_in(command.conversation, command.author.id):
            return CommandReply(text=admins_only_text(command.language))
        async with self._database.begin() as tx:
            person = await _find_person(tx, command)
            if person is None:
                return CommandReply(text=_usage_text(command.language))
            key = command.conversation.key
            who = Actor.at(key, person.id)
            if self._access.is_admin(who) or person.id == command.author.id:
                return CommandReply(text=_cannot_block_text(command.language))
            new = await blocked_people.block(
                tx,
                platform=key.platform,
                tenant=key.tenant,
                person_id=person.id,
                channel=key.channel,
                name=person.name,
                blocked_by=command.author.id,
            )
        log.info("access.person_blocked", platform=key.platform, new=new)
        return CommandReply(text=_blocked_text(command.language, person))


class UnblockCommand:
    """Removes a block of this chat; lists all blocks if the command names nobody it knows."""

    def __init__(self, database: Database, *, staff: StaffDirectory) -> None:
        self._database = database
        self._staff = staff

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order."""
        if not await self._staff.is_staff_in(command.conversation, command.author.id):
            return CommandReply(text=admins_only_text(command.language))
        key = command.conversation.key
        async with self._database.begin() as tx:
            here = [
                Person(id=one.person_id, name=one.name)
                for one in await blocked_people.load_of_channel(tx, key)
            ]
            person = await _find_person(tx, command, candidates=here)
            gone = 0
            if person is not None:
                gone = await blocked_people.unblock(
                    tx, platform=key.platform, tenant=key.tenant, person_id=person.id, channel=key.channel
                )
        if person is not None and gone:
            log.info("access.person_unblocked", platform=key.platform)
            return CommandReply(text=_unblocked_text(command.language, person))
        return CommandReply(text=_blocked_list_text(command.language, here))


async def _find_person(
    tx: Transaction, command: Command, *, candidates: Sequence[Person] | None = None
) -> Person | None:
    """Return who is meant: by the message replied to, by id or name, or as the only other one."""
    quoted, named = command.quoted, command.argument.strip().removeprefix("@").casefold()
    if candidates is None:
        speakers = await authors.load_in_channel(tx, command.conversation.key)
        candidates = [one for one in speakers if one.id != command.author.id]
    if named:
        fits = [one for one in candidates if named in (one.id.casefold(), one.name.casefold())]
        return fits[0] if len({one.id for one in fits}) == 1 else None
    if quoted is None:
        return candidates[0] if len({one.id for one in candidates}) == 1 else None
    if quoted.by_bot:
        return None
    if quoted.author_id:
        return Person(id=quoted.author_id, name=quoted.author)
    line = await history.get_user_message(tx, command.conversation.id, quoted.message_id)
    return None if line is None else Person(id=line.author_id, name=line.author)


def _blocked_text(language: Language, person: Person) -> str:
    name = as_code(person.name or person.id)
    undo = as_code(f"/unblock {person.name or person.id}")
    return pick(
        language,
        zh=f"好的，我在这里不再回答 {name}。{undo} 可以恢复。",
        en=f"Done, I no longer answer {name} here. {undo} takes it back.",
    )


def _unblocked_text(language: Language, person: Person) -> str:
    name = as_code(person.name or person.id)
    return pick(language, zh=f"好的，我又会回答 {name} 了。", en=f"Done, I answer {name} again.")


def _cannot_block_text(language: Language) -> str:
    return pick(language, zh="管理员不能被屏蔽。", en="Admins cannot be blocked.")


def _usage_text(language: Language) -> str:
    return pick(
        language,
        zh="请用 `/block` 回复那个人的消息，或者写上名字：`/block 名字`。",
        en="Reply to that person's message with `/block`, or name them: `/block NAME`.",
    )


def _blocked_list_text(language: Language, blocked: Sequence[Person]) -> str:
    if not blocked:
        return pick(language, zh="这里没有人被屏蔽。", en="Nobody is blocked here.")
    names = ", ".join(as_code(one.name or one.id) for one in blocked)
    return pick(
        language,
        zh=f"这里被屏蔽的人：{names}。`/unblock 名字` 可以恢复。",
        en=f"Blocked here: {names}. `/unblock NAME` takes it back.",
    )
