"""``/think``: how hard the model thinks before it answers this conversation."""

from core.commands.command import Order, OrderReply
from core.commands.options import MayChange, admins_only, choices_for, echoed
from core.domain.events import Choice, CommandName
from core.prompting.context_builder import Contexts
from core.prompting.generation_options import Terms, levels, steering
from core.store import Database, conversation_settings
from core.text.language import pick

DEFAULT = "default"  #: the word that takes a choice back


class ThinkOrder:
    """Shows and sets the level of thinking."""

    def __init__(self, database: Database, contexts: Contexts, *, may_change: MayChange) -> None:
        self._database = database
        self._contexts = contexts
        self._may_change = may_change

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order; without an argument it shows."""
        level = order.argument.strip("`'\" \n").lower()
        terms = await self._contexts.terms(order.conversation)
        if not level:
            return self._shown(order, terms)
        if not self._may_change(order):
            shown = self._shown(order, terms)
            return OrderReply(text=f"{admins_only(order.language)} {shown.text}", choices=shown.choices)
        if level != DEFAULT and steering(terms.model, level) is None:
            return self._cannot(order, terms, level)
        async with self._database.begin() as tx:
            chosen = "" if level == DEFAULT else level
            await conversation_settings.choose(
                tx, order.conversation.id, conversation_settings.THINKING, chosen
            )
        return OrderReply(text=self._set(order, terms, level))

    def _set(self, order: Order, terms: Terms, level: str) -> str:
        now = f"`{terms.model.id}`"
        match level:
            case "on":
                return pick(
                    order.language, zh=f"{now} 会先思考再回答。", en=f"{now} thinks before it answers."
                )
            case "off":
                return pick(
                    order.language,
                    zh=f"{now} 不经思考直接回答。",
                    en=f"{now} answers at once, without thinking.",
                )
            case "default":
                return pick(
                    order.language, zh=f"{now} 按默认方式思考。", en=f"{now} thinks as it does by default."
                )
            case _:
                return pick(
                    order.language,
                    zh=f"{now} 的思考强度：{level}。",
                    en=f"{now} now thinks with effort {level}.",
                )

    def _shown(self, order: Order, terms: Terms) -> OrderReply:
        level = terms.level or pick(order.language, zh="默认", en="default")
        text = pick(
            order.language,
            zh=f"`{terms.model.id}` 的思考：**{level}**。{self._offer(order, terms)}",
            en=f"Thinking of `{terms.model.id}`: **{level}**. {self._offer(order, terms)}",
        )
        offered = self._choices(terms) if self._may_change(order) or order.chosen else ()
        return OrderReply(text=text.strip(), choices=offered)

    def _cannot(self, order: Order, terms: Terms, level: str) -> OrderReply:
        now = f"`{terms.model.id}`"
        text = pick(
            order.language,
            zh=f"{now} 不支持 {echoed(level)}。{self._offer(order, terms)}",
            en=f"{now} cannot do {echoed(level)}. {self._offer(order, terms)}",
        )
        return OrderReply(text=text.strip(), choices=self._choices(terms))

    def _offer(self, order: Order, terms: Terms) -> str:
        """Return which levels there are."""
        offered = levels(terms.model)
        if len(offered) < 2:
            return pick(order.language, zh="它的思考不能调节。", en="Its thinking cannot be steered.")
        listed = ", ".join(f"`{one}`" for one in (*offered, DEFAULT))
        return pick(order.language, zh=f"可选：{listed}。", en=f"It can do {listed}.")

    def _choices(self, terms: Terms) -> tuple[Choice, ...]:
        offered = levels(terms.model)
        if len(offered) < 2:
            return ()
        return choices_for(CommandName.THINK, (*offered, DEFAULT), current=terms.level or DEFAULT)
