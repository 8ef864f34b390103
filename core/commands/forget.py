"""``/forget``: deletes what a person said, everywhere on their platform, once they confirm it."""

from collections.abc import Callable
from typing import Final

import structlog

from core.access import Who
from core.commands.command import Order, OrderReply
from core.domain.clock import Clock
from core.domain.events import Choice, CommandName, Quoted
from core.inbound.history_writer import unquoted
from core.llm.pseudonymizing_model import KEY, alias
from core.store import Database, privacy, turns
from core.store.keys import key_of
from core.store.privacy import Forgotten
from core.text.language import Language, pick
from core.text.tokens import estimate_tokens

log = structlog.get_logger(__name__)

STOP_WITHIN_S: Final = 10.0  #: how long answers that are being written get to end
LOOK_EVERY_S: Final = 0.2

Cancel = Callable[[int, str], None]


class ForgetOrder:
    """Asks whether it is meant, then deletes. Only the person who asked can confirm."""

    def __init__(
        self, database: Database, clock: Clock, *, cancel: Cancel, tidy: Callable[[], None] = lambda: None
    ) -> None:
        """``cancel`` is :meth:`Engine.cancel`; ``tidy`` has files deleted that nobody refers to any more."""
        self._database = database
        self._clock = clock
        self._cancel = cancel
        self._tidy = tidy

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order."""
        answer, _, asked = order.argument.strip().lower().partition(":")
        if asked and asked != order.author.id.lower():
            return _asking(order.language, asked=order.argument.partition(":")[2])
        match answer:
            case "yes":
                return await self._forget(order)
            case "no":
                return OrderReply(
                    text=pick(order.language, zh="好的，什么都没有删除。", en="Nothing was deleted.")
                )
            case _:
                return _asking(order.language, asked=order.author.id)

    async def _forget(self, order: Order) -> OrderReply:
        key = order.conversation.key
        who = Who.at(key, order.author.id)
        if not await self._stopped(who):
            return OrderReply(
                text=pick(
                    order.language,
                    zh="还有给你的回答正在写，什么都没有删除。请稍后再发送 `/forget yes`。",
                    en="An answer to you is still being written, so nothing was deleted. "
                    "Please send `/forget yes` again in a moment.",
                )
            )
        async with self._database.begin() as tx:
            name = alias(await key_of(tx, KEY), who)
            gone = await privacy.forget_person(tx, who, alias=name, unquote=_unquoted)
        self._tidy()
        log.info("person_forgotten", platform=who.platform, messages=gone.said, answers=gone.answers)
        return OrderReply(text=_told(gone, order.language))

    async def _stopped(self, who: Who) -> bool:
        """End every answer that is being written to the person; False where one does not end."""
        deadline = self._clock.time() + STOP_WITHIN_S
        while True:
            async with self._database.begin() as tx:
                running = await privacy.running(tx, who)
                for conversation_id in running:
                    await turns.ask_to_end(tx, conversation_id, "stop")
            if not running:
                return True
            if self._clock.time() > deadline:
                return False
            for conversation_id in running:
                self._cancel(conversation_id, "stop")
            await self._clock.sleep(LOOK_EVERY_S)


def _unquoted(text: str, quoted: Quoted) -> tuple[str, int]:
    words = unquoted(text, quoted)
    return words, estimate_tokens(words)


def _asking(language: Language, *, asked: str) -> OrderReply:
    text = pick(
        language,
        zh="要删除你在这个平台上对我说过的一切、我给你的回答和你发来的文件吗？删除后无法恢复。"
        "聊天里的消息仍会留在屏幕上，需要你自己删除。",
        en="Shall I delete everything that you ever said to me on this platform, what I answered you, and "
        "the files you sent? This cannot be undone. Messages on your screen stay; you can delete those.",
    )
    return OrderReply(
        text=text,
        choices=(
            Choice(
                label=pick(language, zh="全部删除", en="Delete it all"),
                data=f"{CommandName.FORGET}:yes:{asked}",
            ),
            Choice(label=pick(language, zh="不删除", en="Keep it"), data=f"{CommandName.FORGET}:no:{asked}"),
        ),
    )


def _told(gone: Forgotten, language: Language) -> str:
    return pick(
        language,
        zh=f"已删除：你的 {gone.said} 条消息、给你的 {gone.answers} 个回答和 {gone.files} 个文件，"
        f"涉及 {gone.conversations} 个对话及其摘要。用量记录不再带有你的名字。",
        en=f"Deleted: {gone.said} of your messages, {gone.answers} answers and {gone.files} files, in "
        f"{gone.conversations} conversations, with their summaries. What you used is kept without your name.",
    )
