"""``/search``: whether this conversation's answers may search the web."""

from core.commands.command import Order, OrderReply
from core.commands.options import MayChange, admins_only, choices_for, echoed
from core.domain.events import CommandName
from core.store import Database, conversation_settings
from core.text.language import pick
from core.tools.registry import Toolbox


class SearchOrder:
    """Shows and sets it."""

    def __init__(self, database: Database, toolbox: Toolbox, *, may_change: MayChange) -> None:
        self._database = database
        self._toolbox = toolbox
        self._may_change = may_change

    async def __call__(self, order: Order) -> OrderReply:
        """Handle one order; without an argument it shows."""
        wanted = order.argument.strip("`'\" \n").lower()
        if wanted in ("on", "off") and self._may_change(order):
            async with self._database.begin() as tx:
                await conversation_settings.choose(
                    tx, order.conversation.id, conversation_settings.SEARCH, wanted
                )
            return OrderReply(text=_now(order, on=wanted == "on"))
        on = await self._toolbox.searches(order.conversation.id)
        shown = _now(order, on=on)
        if wanted in ("on", "off"):
            return OrderReply(text=f"{admins_only(order.language)} {shown}")
        if wanted:
            shown = pick(
                order.language,
                zh=f"{echoed(wanted)} 不是 `on` 或 `off`。{shown}",
                en=f"{echoed(wanted)} is neither `on` nor `off`. {shown}",
            )
        offered = choices_for(CommandName.SEARCH, ("on", "off"), current="on" if on else "off")
        return OrderReply(text=shown, choices=offered if self._may_change(order) else ())


def _now(order: Order, *, on: bool) -> str:
    if on:
        return pick(
            order.language,
            zh="需要时我会上网搜索，并在回答下面列出来源。",
            en="I search the web where it helps, and list my sources under the answer.",
        )
    return pick(order.language, zh="我不会上网搜索。", en="I do not search the web.")
