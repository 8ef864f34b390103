"""``/think``: how hard the model thinks before it answers this conversation."""

from core.commands.command import Command, CommandReply
from core.commands.options import MayChange, admins_only_text, as_code, option_buttons
from core.domain.buttons import OptionButton
from core.domain.command_names import CommandName
from core.prompting.generation_options import GenerationOptions, thinking_levels, thinking_params
from core.prompting.options_loader import OptionsLoader
from core.store import Database, conversation_settings
from core.text.language import pick

DEFAULT = "default"  #: the word that takes a choice back


class ThinkCommand:
    """Shows and sets the level of thinking."""

    def __init__(self, database: Database, options_loader: OptionsLoader, *, may_change: MayChange) -> None:
        self._database = database
        self._options_loader = options_loader
        self._may_change = may_change

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order; without an argument it shows."""
        level = command.argument.strip("`'\" \n").lower()
        terms = await self._options_loader.load(command.conversation)
        if not level:
            return self._show(command, terms)
        if not self._may_change(command):
            shown = self._show(command, terms)
            return CommandReply(
                text=f"{admins_only_text(command.language)} {shown.text}", options=shown.options
            )
        if level != DEFAULT and thinking_params(terms.model, level) is None:
            return self._unsupported_level_reply(command, terms, level)
        async with self._database.begin() as tx:
            chosen = "" if level == DEFAULT else level
            await conversation_settings.save(
                tx, command.conversation.id, conversation_settings.THINKING, chosen
            )
        return CommandReply(text=self._set_text(command, terms, level))

    def _set_text(self, command: Command, options: GenerationOptions, level: str) -> str:
        now = f"`{options.model.id}`"
        match level:
            case "on":
                return pick(
                    command.language, zh=f"{now} 会先思考再回答。", en=f"{now} thinks before it answers."
                )
            case "off":
                return pick(
                    command.language,
                    zh=f"{now} 不经思考直接回答。",
                    en=f"{now} answers at once, without thinking.",
                )
            case "default":
                return pick(
                    command.language, zh=f"{now} 按默认方式思考。", en=f"{now} thinks as it does by default."
                )
            case _:
                return pick(
                    command.language,
                    zh=f"{now} 的思考强度：{level}。",
                    en=f"{now} now thinks with effort {level}.",
                )

    def _show(self, command: Command, options: GenerationOptions) -> CommandReply:
        level = options.thinking_level or pick(command.language, zh="默认", en="default")
        text = pick(
            command.language,
            zh=f"`{options.model.id}` 的思考：**{level}**。{self._levels_text(command, options)}",
            en=f"Thinking of `{options.model.id}`: **{level}**. {self._levels_text(command, options)}",
        )
        offered = self._level_buttons(options) if self._may_change(command) or command.from_button else ()
        return CommandReply(text=text.strip(), options=offered)

    def _unsupported_level_reply(
        self, command: Command, options: GenerationOptions, level: str
    ) -> CommandReply:
        now = f"`{options.model.id}`"
        text = pick(
            command.language,
            zh=f"{now} 不支持 {as_code(level)}。{self._levels_text(command, options)}",
            en=f"{now} cannot do {as_code(level)}. {self._levels_text(command, options)}",
        )
        return CommandReply(text=text.strip(), options=self._level_buttons(options))

    def _levels_text(self, command: Command, options: GenerationOptions) -> str:
        """Return which levels there are."""
        offered = thinking_levels(options.model)
        if len(offered) < 2:
            return pick(command.language, zh="它的思考不能调节。", en="Its thinking cannot be steered.")
        listed = ", ".join(f"`{one}`" for one in (*offered, DEFAULT))
        return pick(command.language, zh=f"可选：{listed}。", en=f"It can do {listed}.")

    def _level_buttons(self, options: GenerationOptions) -> tuple[OptionButton, ...]:
        offered = thinking_levels(options.model)
        if len(offered) < 2:
            return ()
        return option_buttons(
            CommandName.THINK, (*offered, DEFAULT), current=options.thinking_level or DEFAULT
        )
