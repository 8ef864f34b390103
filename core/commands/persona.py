"""``/system``: who answers this conversation."""

from core.commands.command import Order, OrderReply
from core.commands.options import MayChange, admins_only, choices_for, echoed
from core.domain.events import Choice, CommandName
from core.prompting.context_builder import Contexts
from core.prompting.personas import MOST_CHARS, Personas
from core.store import Database, conversation_settings
from core.text.language import Language, pick
from core.text.tokens import estimate_tokens

RESET = "reset"
MOST_SHARE = 0.25  #: of the room for prompts that a persona may take


class PersonaOrder:
    """Shows and sets the persona."""

    def __init__(
        self, database: Database, contexts: Contexts, personas: Personas, *, may_change: MayChange
    ) -> None:
        self._database = database
        self._contexts = contexts
        self._personas = personas
        self._may_change = may_change

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order; without an argument it shows."""
        words = order.argument.strip()
        if not words:
            return await self._shown(order)
        if not self._may_change(order):
            shown = await self._shown(order)
            return OrderReply(text=f"{admins_only(order.language)}\n\n{shown.text}", choices=shown.choices)
        if words.lower() == RESET:
            await self._choose(order, "")
            return OrderReply(
                text=pick(order.language, zh="好的，恢复默认人设。", en="Done, I am my usual self again.")
            )
        persona = words
        if words.startswith("@"):
            found = await self._personas.words(words[1:])
            if found is None:
                return await self._unknown(order, words)
            persona = found
        room = (await self._contexts.terms(order.conversation)).room_tokens
        if len(persona) > MOST_CHARS or estimate_tokens(persona) > room * MOST_SHARE:
            return OrderReply(text=_too_long(order.language))
        await self._choose(order, words)
        return OrderReply(text=_set(order.language, words))

    async def _choose(self, order: Order, value: str) -> None:
        async with self._database.begin() as tx:
            await conversation_settings.choose(
                tx, order.conversation.id, conversation_settings.PERSONA, value
            )

    async def _chosen(self, order: Order) -> str:
        async with self._database.read() as tx:
            return (await conversation_settings.of(tx, order.conversation.id)).get(
                conversation_settings.PERSONA, ""
            )

    async def _shown(self, order: Order) -> OrderReply:
        chosen, names = await self._chosen(order), await self._personas.names()
        usual = pick(
            order.language, zh="这个对话用的是默认人设。", en="This conversation has my usual persona."
        )
        mine = pick(order.language, zh="这个对话的人设：", en="The persona of this conversation:")
        words = (await self._contexts.terms(order.conversation)).persona
        text = usual
        if chosen and words:
            name = f" `{chosen}`" if chosen.startswith("@") else ""
            text = f"{mine}{name}\n\n{_quoted(words)}"
        hint = pick(
            order.language,
            zh="`/system 你是……` 设定人设，`/system reset` 恢复默认。",
            en="`/system You are …` sets one, `/system reset` takes it back.",
        )
        return OrderReply(
            text=f"{text}\n\n{hint}{_named(order.language, names)}",
            choices=_choices(names, chosen) if self._may_change(order) or order.chosen else (),
        )

    async def _unknown(self, order: Order, name: str) -> OrderReply:
        names = await self._personas.names()
        text = pick(
            order.language,
            zh=f"没有名为 {echoed(name)} 的人设。",
            en=f"There is no persona {echoed(name)}.",
        )
        return OrderReply(text=f"{text}{_named(order.language, names)}", choices=_choices(names, ""))


def _choices(names: tuple[str, ...], chosen: str) -> tuple[Choice, ...]:
    if not names and not chosen:
        return ()
    return choices_for(CommandName.SYSTEM, (*(f"@{name}" for name in names), RESET), current=chosen)


def _named(language: Language, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    listed = ", ".join(f"`@{name}`" for name in names)
    return pick(
        language,
        zh=f"\n\n现成的人设：{listed}；例如 `/system @{names[0]}`。",
        en=f"\n\nReady-made ones: {listed}, as in `/system @{names[0]}`.",
    )


def _set(language: Language, words: str) -> str:
    if words.startswith("@"):
        return pick(language, zh=f"好的，我现在是 {echoed(words)}。", en=f"Done, I am {echoed(words)} now.")
    return pick(
        language,
        zh="好的，从下一个问题起按这个人设回答。",
        en="Done, I take this on from the next question on.",
    )


def _too_long(language: Language) -> str:
    return pick(
        language,
        zh="这个人设太长了，对话会放不下。请写短一些。",
        en="That persona is too long to leave room for a conversation. Please make it shorter.",
    )


def _quoted(words: str) -> str:
    return "\n".join(f"> {line}" for line in words.splitlines())
