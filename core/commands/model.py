"""``/model``: which model answers this conversation."""

from collections.abc import Sequence

from core.commands.command import Command, CommandReply
from core.commands.options import MayChange, admins_only_text, as_code, option_buttons
from core.domain.command_names import CommandName
from core.kimi import RETIRED_MODELS, KimiModelUnknown, Model, check_model, nearest_model
from core.prompting.generation_options import thinking_levels
from core.prompting.model_catalog import ModelCatalog
from core.prompting.options_loader import OptionsLoader
from core.store import Database, conversation_settings
from core.text.language import Language, pick

DEFAULT = "default"  #: the word that takes a choice back


class ModelCommand:
    """Lists the models and switches between them."""

    def __init__(
        self,
        database: Database,
        options_loader: OptionsLoader,
        catalog: ModelCatalog,
        *,
        may_change: MayChange,
    ) -> None:
        self._database = database
        self._options_loader = options_loader
        self._catalog = catalog
        self._may_change = may_change

    async def __call__(self, command: Command) -> CommandReply:
        """Handle one order; without an argument it lists."""
        wanted = command.argument.strip("`'\" \n").lower()
        served = await self._catalog.available_models()
        if not wanted:
            return await self._list(command, served)
        if not self._may_change(command):
            listed = await self._list(command, served)
            return CommandReply(
                text=f"{admins_only_text(command.language)}\n\n{listed.text}", options=listed.options
            )
        if wanted == DEFAULT:
            return await self._switch(command, "")
        try:
            check_model(wanted, served)
        except KimiModelUnknown:
            return self._unknown_model_reply(command.language, wanted, served)
        return await self._switch(command, wanted)

    async def _list(self, command: Command, served: Sequence[Model]) -> CommandReply:
        terms = await self._options_loader.load(command.conversation)
        now = f"`{terms.model.id}`"
        head = pick(
            command.language, zh=f"这个对话由 {now} 回答。", en=f"This conversation is answered by {now}."
        )
        if not served:
            hint = pick(
                command.language,
                zh="服务商没有提供模型列表；`/model 名称` 可以更换。",
                en="The provider does not list its models; `/model NAME` switches.",
            )
            return CommandReply(text=f"{head} {hint}")
        rows = [f"- `{model.id}`: {describe_model(model, command.language)}" for model in served]
        hint = pick(command.language, zh="`/model 名称` 可以更换。", en="`/model NAME` switches.")
        offered = option_buttons(CommandName.MODEL, (model.id for model in served), current=terms.model.id)
        return CommandReply(
            text="\n".join([f"{head} {hint}", "", *rows]),
            options=offered if self._may_change(command) or command.from_button else (),
        )

    async def _switch(self, command: Command, model_id: str) -> CommandReply:
        async with self._database.begin() as tx:
            await conversation_settings.save(
                tx, command.conversation.id, conversation_settings.MODEL, model_id
            )
            chosen = (await conversation_settings.load(tx, command.conversation.id)).get(
                conversation_settings.THINKING, ""
            )
        terms = await self._options_loader.load(command.conversation)
        model = terms.model
        text = pick(
            command.language,
            zh=f"从下一个问题起由 `{model.id}` 回答：{describe_model(model, command.language)}。",
            en=f"`{model.id}` answers from the next question on: {describe_model(model, command.language)}.",
        )
        if chosen and terms.thinking_level != chosen:
            text += pick(
                command.language,
                zh=f"\n\n它不支持 `/think {chosen}`，会按自己的方式思考。",
                en=f"\n\nIt cannot `/think {chosen}`, and thinks in its own way.",
            )
        return CommandReply(text=text)

    def _unknown_model_reply(
        self, language: Language, model_id: str, served: Sequence[Model]
    ) -> CommandReply:
        """Return the reply to an unknown model, with the nearest name that is served."""
        ids = [model.id for model in served]
        close = nearest_model(model_id, ids)
        retired = RETIRED_MODELS.get(model_id)
        if retired is not None:
            since = retired.since.isoformat()
            text = pick(
                language,
                zh=f"{as_code(model_id)} 已于 {since} 下线。",
                en=f"{as_code(model_id)} was retired on {since}.",
            )
        else:
            text = pick(
                language, zh=f"这里没有 {as_code(model_id)}。", en=f"There is no {as_code(model_id)} here."
            )
        if close:
            text += pick(language, zh=f"最接近的是 `{close}`。", en=f" The nearest is `{close}`.")
        if ids:
            listed = ", ".join(f"`{one}`" for one in ids)
            text += pick(language, zh=f"\n\n可用的有：{listed}", en=f"\n\nAvailable: {listed}")
        return CommandReply(text=text, options=option_buttons(CommandName.MODEL, ids, current=""))


def describe_model(model: Model, language: Language) -> str:
    """Return in a few words what a model can do."""
    parts = []
    if model.context_tokens:
        parts.append(f"{format_context_size(model.context_tokens)} tokens")
    if model.supports_images:
        parts.append(pick(language, zh="看图片", en="sees pictures"))
    if model.supports_video:
        parts.append(pick(language, zh="看视频", en="sees video"))
    match model.thinking_control:
        case "none":
            parts.append(pick(language, zh="不思考", en="does not think"))
        case "always":
            parts.append(pick(language, zh="总是思考", en="always thinks"))
        case _:
            listed = ", ".join(thinking_levels(model))
            parts.append(pick(language, zh=f"思考：{listed}", en=f"thinks: {listed}"))
    return ", ".join(parts)


def format_context_size(tokens: int) -> str:
    """Return a number of tokens in short, in steps of 1,024 as models count theirs."""
    return f"{tokens / 1_048_576:g}M" if tokens >= 1_048_576 else f"{tokens // 1024}k"
