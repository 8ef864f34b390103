"""``/search``: whether this conversation's answers may search the web."""

from core.commands.command import Command, CommandReply
from core.commands.options import MayChange, admins_only_text, as_code, option_buttons
from core.domain.command_names import CommandName
from core.prompting.generation_options import thinking_levels
from core.prompting.options_loader import OptionsLoader
from core.store import Database, conversation_settings
from core.text.language import pick
from core.tools.registry import ToolRegistry


class SearchCommand:
    """Shows and sets it."""

    def __init__(
        self,
        database: Database,
        options_loader: OptionsLoader,
        tool_registry: ToolRegistry,
        *,
        may_change: MayChange,
    ) -> None:
        self._database = database
        self._options_loader = options_loader
        self._tool_registry = tool_registry
        self._may_change = may_change

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order; without an argument it shows."""
        wanted = command.argument.strip("`'\" \n").lower()
        if wanted in ("on", "off") and self._may_change(command):
            async with self._database.begin() as tx:
                await conversation_settings.save(
                    tx, command.conversation.id, conversation_settings.SEARCH, wanted
                )
            return CommandReply(text=await self._state_text(command, on=wanted == "on"))
        on = await self._tool_registry.is_web_search_on(command.conversation.id)
        shown = await self._state_text(command, on=on)
        if wanted in ("on", "off"):
            return CommandReply(text=f"{admins_only_text(command.language)} {shown}")
        if wanted:
            shown = pick(
                command.language,
                zh=f"{as_code(wanted)} 不是 `on` 或 `off`。{shown}",
                en=f"{as_code(wanted)} is neither `on` nor `off`. {shown}",
            )
        offered = option_buttons(CommandName.SEARCH, ("on", "off"), current="on" if on else "off")
        return CommandReply(text=shown, options=offered if self._may_change(command) else ())

    async def _state_text(self, command: Command, *, on: bool) -> str:
        if not on:
            return pick(command.language, zh="我不会上网搜索。", en="I do not search the web.")
        options = await self._options_loader.load(command.conversation)
        thinks = options.model.thinks and options.thinking_params.thinking is not False
        if await self._tool_registry.can_search(model_thinks=thinks):
            return pick(
                command.language,
                zh="需要时我会上网搜索，并在回答下面列出来源。",
                en="I search the web where it helps, and list my sources under the answer.",
            )
        if "off" in thinking_levels(options.model):
            return pick(
                command.language,
                zh="这里的 Kimi 在思考时不能上网搜索；用 `/think off` 关闭思考后就可以。",
                en="This Kimi cannot search the web while it thinks. After `/think off` it can.",
            )
        return pick(
            command.language,
            zh="这里的 Kimi 服务商不提供上网搜索，所以我不会搜索。",
            en="The Kimi provider in use offers no web search, so I do not search.",
        )
