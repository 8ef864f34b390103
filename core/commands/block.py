"""``/block`` and ``/unblock``: who gets no answers in a chat. For those who run it."""

from collections.abc import Sequence

import structlog

from core.access import Access, Who
from core.commands.command import Order, OrderReply
from core.commands.options import admins_only, echoed
from core.domain.events import Person
from core.inbound.staff import Staff
from core.store import Database, Transaction, guard, history
from core.store.guard import EVERYWHERE
from core.text.language import Language, pick

log = structlog.get_logger(__name__)


class BlockOrder:
    """Blocks whoever wrote the message that the command replies to, or is named in it."""

    def __init__(self, database: Database, access: Access, *, staff: Staff) -> None:
        self._database = database
        self._access = access
        self._staff = staff

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order."""
        if not await self._staff.serves(order.conversation, order.author.id):
            return OrderReply(text=admins_only(order.language))
        async with self._database.begin() as tx:
            person = await _meant(tx, order)
            if person is None:
                return OrderReply(text=_how(order.language))
            key = order.conversation.key
            who = Who.at(key, person.id)
            if self._access.is_admin(who) or person.id == order.author.id:
                return OrderReply(text=_not_them(order.language))
            new = await guard.block(
                tx,
                platform=key.platform,
                person_id=person.id,
                channel=key.channel,
                name=person.name,
                by_id=order.author.id,
            )
        log.info("person_blocked", platform=key.platform, new=new)
        return OrderReply(text=_done(order.language, person))


class UnblockOrder:
    """Takes a block of this chat back; where it is not clear whose, it lists them."""

    def __init__(self, database: Database, *, staff: Staff) -> None:
        self._database = database
        self._staff = staff

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order."""
        if not await self._staff.serves(order.conversation, order.author.id):
            return OrderReply(text=admins_only(order.language))
        key = order.conversation.key
        async with self._database.begin() as tx:
            here = [
                Person(id=one.person_id, name=one.name)
                for one in await guard.everyone(tx)
                if one.platform == key.platform and one.channel in (EVERYWHERE, key.channel)
            ]
            person = await _meant(tx, order, among=here)
            gone = 0
            if person is not None:
                gone = await guard.unblock(
                    tx, platform=key.platform, person_id=person.id, channel=key.channel
                )
        if person is not None and gone:
            log.info("person_unblocked", platform=key.platform)
            return OrderReply(text=_undone(order.language, person))
        return OrderReply(text=_listed(order.language, here))


async def _meant(tx: Transaction, order: Order, *, among: Sequence[Person] | None = None) -> Person | None:
    """Return who is meant: by the message replied to, by id or name, or as the only other one."""
    quoted, named = order.quoted, order.argument.strip().removeprefix("@").casefold()
    if among is None:
        speakers = await history.people(tx, order.conversation.key)
        among = [one for one in speakers if one.id != order.author.id]
    if named:
        fits = [one for one in among if named in (one.id.casefold(), one.name.casefold())]
        return fits[0] if len({one.id for one in fits}) == 1 else None
    if quoted is None:
        return among[0] if len({one.id for one in among}) == 1 else None
    if quoted.by_bot:
        return None
    if quoted.author_id:
        return Person(id=quoted.author_id, name=quoted.author)
    line = await history.said(tx, order.conversation.id, quoted.message_id)
    return None if line is None else Person(id=line.author_id, name=line.author)


def _done(language: Language, person: Person) -> str:
    name = echoed(person.name or person.id)
    return pick(
        language,
        zh=f"好的，我在这里不再回答 {name}。`/unblock {person.name or person.id}` 可以恢复。",
        en=f"Done, I no longer answer {name} here. `/unblock {person.name or person.id}` takes it back.",
    )


def _undone(language: Language, person: Person) -> str:
    name = echoed(person.name or person.id)
    return pick(language, zh=f"好的，我又会回答 {name} 了。", en=f"Done, I answer {name} again.")


def _not_them(language: Language) -> str:
    return pick(language, zh="管理员不能被屏蔽。", en="Admins cannot be blocked.")


def _how(language: Language) -> str:
    return pick(
        language,
        zh="请用 `/block` 回复那个人的消息，或者写上名字：`/block 名字`。",
        en="Reply to that person's message with `/block`, or name them: `/block NAME`.",
    )


def _listed(language: Language, here: Sequence[Person]) -> str:
    if not here:
        return pick(language, zh="这里没有人被屏蔽。", en="Nobody is blocked here.")
    names = ", ".join(echoed(one.name or one.id) for one in here)
    return pick(
        language,
        zh=f"这里被屏蔽的人：{names}。`/unblock 名字` 可以恢复。",
        en=f"Blocked here: {names}. `/unblock NAME` takes it back.",
    )
