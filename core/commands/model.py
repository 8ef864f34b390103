"""``/model``: which model answers this conversation."""

from collections.abc import Sequence

from core.commands.command import Order, OrderReply
from core.commands.options import MayChange, admins_only, choices_for, echoed
from core.domain.events import CommandName
from core.kimi import RETIRED, KimiModelUnknown, Model, check_model, nearest
from core.prompting.context_builder import Contexts
from core.prompting.generation_options import levels
from core.prompting.model_catalog import Catalogue
from core.store import Database, conversation_settings
from core.text.language import Language, pick

DEFAULT = "default"  #: the word that takes a choice back


class ModelOrder:
    """Lists the models and switches between them."""

    def __init__(
        self, database: Database, contexts: Contexts, catalogue: Catalogue, *, may_change: MayChange
    ) -> None:
        self._database = database
        self._contexts = contexts
        self._catalogue = catalogue
        self._may_change = may_change

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order; without an argument it lists."""
        wanted = order.argument.strip("`'\" \n").lower()
        served = await self._catalogue.served()
        if not wanted:
            return await self._list(order, served)
        if not self._may_change(order):
            listed = await self._list(order, served)
            return OrderReply(text=f"{admins_only(order.language)}\n\n{listed.text}", choices=listed.choices)
        if wanted == DEFAULT:
            return await self._switch(order, "")
        try:
            check_model(wanted, served)
        except KimiModelUnknown:
            return self._refuse(order.language, wanted, served)
        return await self._switch(order, wanted)

    async def _list(self, order: Order, served: Sequence[Model]) -> OrderReply:
        terms = await self._contexts.terms(order.conversation)
        now = f"`{terms.model.id}`"
        head = pick(
            order.language, zh=f"这个对话由 {now} 回答。", en=f"This conversation is answered by {now}."
        )
        if not served:
            hint = pick(
                order.language,
                zh="服务商没有提供模型列表；`/model 名称` 可以更换。",
                en="The provider does not list its models; `/model NAME` switches.",
            )
            return OrderReply(text=f"{head} {hint}")
        rows = [f"- `{model.id}`: {told(model, order.language)}" for model in served]
        hint = pick(order.language, zh="`/model 名称` 可以更换。", en="`/model NAME` switches.")
        offered = choices_for(CommandName.MODEL, (model.id for model in served), current=terms.model.id)
        return OrderReply(
            text="\n".join([f"{head} {hint}", "", *rows]),
            choices=offered if self._may_change(order) or order.chosen else (),
        )

    async def _switch(self, order: Order, model_id: str) -> OrderReply:
        async with self._database.begin() as tx:
            await conversation_settings.choose(
                tx, order.conversation.id, conversation_settings.MODEL, model_id
            )
            chosen = (await conversation_settings.of(tx, order.conversation.id)).get(
                conversation_settings.THINKING, ""
            )
        terms = await self._contexts.terms(order.conversation)
        model = terms.model
        text = pick(
            order.language,
            zh=f"从下一个问题起由 `{model.id}` 回答：{told(model, order.language)}。",
            en=f"`{model.id}` answers from the next question on: {told(model, order.language)}.",
        )
        if chosen and terms.level != chosen:
            text += pick(
                order.language,
                zh=f"\n\n它不支持 `/think {chosen}`，会按自己的方式思考。",
                en=f"\n\nIt cannot `/think {chosen}`, and thinks in its own way.",
            )
        return OrderReply(text=text)

    def _refuse(self, language: Language, wanted: str, served: Sequence[Model]) -> OrderReply:
        """Say what is wrong with a name, and what comes nearest."""
        ids = [model.id for model in served]
        close = nearest(wanted, ids)
        retired = RETIRED.get(wanted)
        if retired is not None:
            since = retired.since.isoformat()
            text = pick(
                language,
                zh=f"{echoed(wanted)} 已于 {since} 下线。",
                en=f"{echoed(wanted)} was retired on {since}.",
            )
        else:
            text = pick(language, zh=f"这里没有 {echoed(wanted)}。", en=f"There is no {echoed(wanted)} here.")
        if close:
            text += pick(language, zh=f"最接近的是 `{close}`。", en=f" The nearest is `{close}`.")
        if ids:
            listed = ", ".join(f"`{one}`" for one in ids)
            text += pick(language, zh=f"\n\n可用的有：{listed}", en=f"\n\nAvailable: {listed}")
        return OrderReply(text=text, choices=choices_for(CommandName.MODEL, ids, current=""))


def told(model: Model, language: Language) -> str:
    """Return in a few words what a model can do."""
    parts = []
    if model.context_tokens:
        parts.append(f"{size(model.context_tokens)} tokens")
    if model.sees_pictures:
        parts.append(pick(language, zh="看图片", en="sees pictures"))
    if model.sees_video:
        parts.append(pick(language, zh="看视频", en="sees video"))
    match model.thinking:
        case "none":
            parts.append(pick(language, zh="不思考", en="does not think"))
        case "always":
            parts.append(pick(language, zh="总是思考", en="always thinks"))
        case _:
            listed = ", ".join(levels(model))
            parts.append(pick(language, zh=f"思考：{listed}", en=f"thinks: {listed}"))
    return ", ".join(parts)


def size(tokens: int) -> str:
    """Return a number of tokens in short, in steps of 1,024 as models count theirs."""
    return f"{tokens / 1_048_576:g}M" if tokens >= 1_048_576 else f"{tokens // 1024}k"
