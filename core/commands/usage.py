"""``/usage``: what a person has used, and for admins in a group what the chat has."""

from collections.abc import Callable
from datetime import datetime

from core.access import Who
from core.commands.command import Order, OrderReply
from core.domain.events import Scene
from core.llm.pseudonymizing_model import KEY, alias
from core.store import Database, Transaction, report
from core.store.clock import utc_now
from core.store.keys import key_of
from core.store.report import Totals
from core.text.language import Language, pick


class UsageOrder:
    """Tells messages, tokens and cost of today and of this month, by UTC."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def __call__(self, order: Order) -> OrderReply:
        """Tell."""
        today = self._now().replace(hour=0, minute=0, second=0, microsecond=0)
        times = (today, today.replace(day=1))
        key = order.conversation.key
        who = Who.at(key, order.author.id)
        async with self._database.begin() as tx:
            own = [await self._own(tx, who, since) for since in times]
            chat = []
            if order.scene is Scene.GROUP and order.is_admin:
                chat = [await report.of_chat(tx, who, since) for since in times]
        text = _told(own, pick(order.language, zh="你的用量", en="What you have used"), order.language)
        if chat:
            title = pick(order.language, zh="这个群的用量", en="What this chat has used")
            text += f"\n\n{_told(chat, title, order.language)}"
        return OrderReply(text=text)

    async def _own(self, tx: Transaction, who: Who, since: datetime) -> Totals:
        return await report.of_person(tx, who, since, alias=alias(await key_of(tx, KEY), who))


def _told(totals: list[Totals], title: str, language: Language) -> str:
    today, month = (_row(one, language) for one in totals)
    return pick(
        language,
        zh=f"{title}：\n\n- 今天：{today}\n- 本月：{month}",
        en=f"{title}:\n\n- Today: {today}\n- This month: {month}",
    )


def _row(used: Totals, language: Language) -> str:
    cost = f"US$ {used.cost_usd:.4f}" + ("+" if used.unpriced else "")
    return pick(
        language,
        zh=f"{used.messages:,} 个问题，{used.tokens:,} tokens，{cost}",
        en=f"{used.messages:,} question{'' if used.messages == 1 else 's'}, {used.tokens:,} tokens, {cost}",
    )
