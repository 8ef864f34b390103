"""``/forget``: deletes what a person said, everywhere on their platform, once they confirm it."""

from collections.abc import Callable
from typing import Final

import structlog

from core.access import Actor
from core.commands.command import Command, CommandReply
from core.domain.buttons import ConfirmForget, OptionButton
from core.domain.clock import Clock
from core.domain.turn_states import CancelReason
from core.llm.pseudonymizing_model import KEY_NAME, anonymous_alias
from core.store import Database, privacy, turns
from core.store.keys import get_or_create_key
from core.store.privacy import ForgetResult
from core.text.language import Language, pick

log = structlog.get_logger(__name__)

STOP_TIMEOUT_S: Final = 10.0  #: how long answers that are being written get to end
POLL_INTERVAL_S: Final = 0.2

Cancel = Callable[[int, CancelReason], None]


class PersonForgetter:
    """Deletes what a person said on a platform, what they were answered, and their files."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        cancel: Cancel,
        collect_files: Callable[[], None] = lambda: None,
    ) -> None:
        """``cancel`` is :meth:`WorkQueue.cancel`; ``collect_files`` deletes unreferenced files."""
        self._database = database
        self._clock = clock
        self._cancel = cancel
        self._collect_files = collect_files

    async def forget(self, actor: Actor) -> ForgetResult | None:
        """Return the numbers of deleted rows; None, and nothing is deleted, if an answer does not end."""
        if not await self._stop_answers(actor):
            return None
        async with self._database.begin() as tx:
            name = anonymous_alias(await get_or_create_key(tx, KEY_NAME), actor)
            gone = await privacy.forget_person(tx, actor, alias=name)
        self._collect_files()
        log.info(
            "privacy.person_forgotten", platform=actor.platform, messages=gone.messages, answers=gone.answers
        )
        return gone

    async def _stop_answers(self, actor: Actor) -> bool:
        """End every answer that is being written to the person; False where one does not end."""
        deadline = self._clock.time() + STOP_TIMEOUT_S
        while True:
            async with self._database.begin() as tx:
                running = await privacy.answering_conversation_ids(tx, actor)
                for conversation_id in running:
                    await turns.request_cancel(tx, conversation_id, CancelReason.STOP)
            if not running:
                return True
            if self._clock.time() > deadline:
                return False
            for conversation_id in running:
                self._cancel(conversation_id, CancelReason.STOP)
            await self._clock.sleep(POLL_INTERVAL_S)


class ForgetCommand:
    """Asks whether it is meant, then deletes. Only the person who asked can confirm."""

    def __init__(self, forgetter: PersonForgetter) -> None:
        self._forgetter = forgetter

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order."""
        match command.pressed:
            case ConfirmForget(person_id=asked_id) if asked_id != command.author.id:
                return _confirmation(command.language, person_id=asked_id)
            case ConfirmForget(confirmed=confirmed):
                answer = "yes" if confirmed else "no"
            case _:
                answer = command.argument.strip().lower()
        match answer:
            case "yes":
                return await self._forget(command)
            case "no":
                return CommandReply(
                    text=pick(command.language, zh="好的，什么都没有删除。", en="Nothing was deleted.")
                )
            case _:
                return _confirmation(command.language, person_id=command.author.id)

    async def _forget(self, command: Command) -> CommandReply:
        gone = await self._forgetter.forget(Actor.at(command.conversation.key, command.author.id))
        if gone is None:
            return CommandReply(
                text=pick(
                    command.language,
                    zh="还有给你的回答正在写，什么都没有删除。请稍后再发送 `/forget yes`。",
                    en="An answer to you is still being written, so nothing was deleted. "
                    "Please send `/forget yes` again in a moment.",
                )
            )
        return CommandReply(text=_done_text(gone, command.language))


def _confirmation(language: Language, *, person_id: str) -> CommandReply:
    text = pick(
        language,
        zh="要删除你在这个平台上对我说过的一切、我给你的回答和你发来的文件吗？删除后无法恢复。"
        "聊天里的消息仍会留在屏幕上，需要你自己删除。",
        en="Shall I delete everything that you ever said to me on this platform, what I answered you, and "
        "the files you sent? This cannot be undone. Messages on your screen stay; you can delete those.",
    )
    return CommandReply(
        text=text,
        options=(
            OptionButton(
                label=pick(language, zh="全部删除", en="Delete it all"),
                action=ConfirmForget(person_id=person_id, confirmed=True),
            ),
            OptionButton(
                label=pick(language, zh="不删除", en="Keep it"),
                action=ConfirmForget(person_id=person_id, confirmed=False),
            ),
        ),
    )


def _done_text(gone: ForgetResult, language: Language) -> str:
    text = pick(
        language,
        zh=f"已删除：你的 {gone.messages} 条消息、给你的 {gone.answers} 个回答"
        f"和 {gone.files} 个文件，涉及 {gone.conversations} 个对话及其摘要。"
        "用量记录不再带有你的名字。",
        en=f"Deleted: {gone.messages} of your messages, {gone.answers} answers and "
        f"{gone.files} files, in {gone.conversations} conversations, with their summaries. "
        f"What you used is kept without your name.",
    )
    kept = pick(
        language,
        zh=f"为群摘要保留的 {gone.remembered} 条消息也已删除。",
        en=f" {gone.remembered} messages that were kept for digests are gone too.",
    )
    return f"{text}{kept}" if gone.remembered else text
