"""``/system``: who answers this conversation."""

from core.commands.command import Command, CommandReply
from core.commands.options import MayChange, admins_only_text, as_code, option_buttons
from core.domain.buttons import OptionButton
from core.domain.command_names import CommandName
from core.prompting.options_loader import OptionsLoader
from core.prompting.personas import MAX_PERSONA_CHARS, Personas
from core.store import Database, conversation_settings
from core.text.language import Language, pick
from core.text.tokens import estimate_tokens

RESET = "reset"
MAX_PROMPT_SHARE = 0.25  #: of the room for prompts that a persona may take


class PersonaCommand:
    """Shows and sets the persona."""

    def __init__(
        self, database: Database, options_loader: OptionsLoader, personas: Personas, *, may_change: MayChange
    ) -> None:
        self._database = database
        self._options_loader = options_loader
        self._personas = personas
        self._may_change = may_change

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order; without an argument it shows."""
        words = command.argument.strip()
        if not words:
            return await self._show(command)
        if not self._may_change(command):
            shown = await self._show(command)
            return CommandReply(
                text=f"{admins_only_text(command.language)}\n\n{shown.text}", options=shown.options
            )
        if words.lower() == RESET:
            await self._save(command, "")
            return CommandReply(
                text=pick(command.language, zh="好的，恢复默认人设。", en="Done, I am my usual self again.")
            )
        persona = words
        if words.startswith("@"):
            found = await self._personas.load_text(words[1:])
            if found is None:
                return await self._unknown_persona_reply(command, words)
            persona = found
        room = (await self._options_loader.load(command.conversation)).max_prompt_tokens
        if len(persona) > MAX_PERSONA_CHARS or estimate_tokens(persona) > room * MAX_PROMPT_SHARE:
            return CommandReply(text=_too_long_text(command.language))
        await self._save(command, words)
        return CommandReply(text=_set_text(command.language, words))

    async def _save(self, command: Command, value: str) -> None:
        async with self._database.begin() as tx:
            await conversation_settings.save(
                tx, command.conversation.id, conversation_settings.PERSONA, value
            )

    async def _load(self, command: Command) -> str:
        async with self._database.read() as tx:
            return (await conversation_settings.load(tx, command.conversation.id)).get(
                conversation_settings.PERSONA, ""
            )

    async def _show(self, command: Command) -> CommandReply:
        chosen, names = await self._load(command), await self._personas.list_names()
        usual = pick(
            command.language, zh="这个对话用的是默认人设。", en="This conversation has my usual persona."
        )
        mine = pick(command.language, zh="这个对话的人设：", en="The persona of this conversation:")
        words = (await self._options_loader.load(command.conversation)).persona
        text = usual
        if chosen and words:
            name = f" `{chosen}`" if chosen.startswith("@") else ""
            text = f"{mine}{name}\n\n{_as_quote(words)}"
        hint = pick(
            command.language,
            zh="`/system 你是……` 设定人设，`/system reset` 恢复默认。",
            en="`/system You are …` sets one, `/system reset` takes it back.",
        )
        return CommandReply(
            text=f"{text}\n\n{hint}{_available_text(command.language, names)}",
            options=_persona_buttons(names, chosen)
            if self._may_change(command) or command.from_button
            else (),
        )

    async def _unknown_persona_reply(self, command: Command, name: str) -> CommandReply:
        names = await self._personas.list_names()
        text = pick(
            command.language,
            zh=f"没有名为 {as_code(name)} 的人设。",
            en=f"There is no persona {as_code(name)}.",
        )
        return CommandReply(
            text=f"{text}{_available_text(command.language, names)}", options=_persona_buttons(names, "")
        )


def _persona_buttons(names: tuple[str, ...], current: str) -> tuple[OptionButton, ...]:
    if not names and not current:
        return ()
    return option_buttons(CommandName.SYSTEM, (*(f"@{name}" for name in names), RESET), current=current)


def _available_text(language: Language, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    listed = ", ".join(f"`@{name}`" for name in names)
    return pick(
        language,
        zh=f"\n\n现成的人设：{listed}；例如 `/system @{names[0]}`。",
        en=f"\n\nReady-made ones: {listed}, as in `/system @{names[0]}`.",
    )


def _set_text(language: Language, words: str) -> str:
    if words.startswith("@"):
        return pick(language, zh=f"好的，我现在是 {as_code(words)}。", en=f"Done, I am {as_code(words)} now.")
    return pick(
        language,
        zh="好的，从下一个问题起按这个人设回答。",
        en="Done, I take this on from the next question on.",
    )


def _too_long_text(language: Language) -> str:
    return pick(
        language,
        zh="这个人设太长了，对话会放不下。请写短一些。",
        en="That persona is too long to leave room for a conversation. Please make it shorter.",
    )


def _as_quote(words: str) -> str:
    return "\n".join(f"> {line}" for line in words.splitlines())
