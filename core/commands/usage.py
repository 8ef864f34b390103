"""``/usage``: what a person has used, and for admins in a group what the chat has."""

from collections.abc import Callable
from datetime import datetime

from core.access import Actor
from core.commands.command import Command, CommandReply
from core.domain.addresses import ChatType
from core.llm.pseudonymizing_model import KEY_NAME, anonymous_alias
from core.store import Database, Transaction, usage_report
from core.store.clock import utc_now
from core.store.keys import get_or_create_key
from core.store.usage_report import Totals
from core.text.language import Language, pick


class UsageCommand:
    """Tells messages, tokens and cost of today and of this month, by UTC."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    async def __call__(self, command: Command) -> CommandReply:
        """Tell."""
        today = self._now().replace(hour=0, minute=0, second=0, microsecond=0)
        times = (today, today.replace(day=1))
        key = command.conversation.key
        who = Actor.at(key, command.author.id)
        async with self._database.begin() as tx:
            own = [await self._person_usage(tx, who, since) for since in times]
            chat = []
            if command.chat_type is ChatType.GROUP and command.is_admin:
                chat = [await usage_report.chat_totals(tx, who, since) for since in times]
        text = _format_totals(
            own, pick(command.language, zh="你的用量", en="What you have used"), command.language
        )
        if chat:
            title = pick(command.language, zh="这个群的用量", en="What this chat has used")
            text += f"\n\n{_format_totals(chat, title, command.language)}"
        return CommandReply(text=text)

    async def describe_today(self, actor: Actor, language: Language) -> str:
        """Return what a person has used today, in one line.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        today = self._now().replace(hour=0, minute=0, second=0, microsecond=0)
        async with self._database.begin() as tx:
            return _format_row(await self._person_usage(tx, actor, today), language)

    async def _person_usage(self, tx: Transaction, actor: Actor, since: datetime) -> Totals:
        return await usage_report.person_totals(
            tx, actor, since, alias=anonymous_alias(await get_or_create_key(tx, KEY_NAME), actor)
        )


def _format_totals(totals: list[Totals], title: str, language: Language) -> str:
    today, month = (_format_row(one, language) for one in totals)
    return pick(
        language,
        zh=f"{title}：\n\n- 今天：{today}\n- 本月：{month}",
        en=f"{title}:\n\n- Today: {today}\n- This month: {month}",
    )


def _format_row(totals: Totals, language: Language) -> str:
    cost = f"US$ {totals.cost_usd:.4f}" + ("+" if totals.unpriced else "")
    row = pick(
        language,
        zh=f"{totals.messages:,} 个问题，{totals.tokens:,} tokens，{cost}",
        en=f"{totals.messages:,} question{'' if totals.messages == 1 else 's'}, "
        f"{totals.tokens:,} tokens, {cost}",
    )
    if not totals.sound_s:
        return row
    minutes = f"{totals.sound_s / 60:.1f}"
    return row + pick(language, zh=f"，{minutes} 分钟录音", en=f", {minutes} min of recordings")
