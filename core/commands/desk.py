"""``/human``, ``/take``, ``/back`` and ``/close``, where the desk's door did not take them."""

from core.commands.command import Handler, Order, OrderReply
from core.domain.events import CommandName
from core.text.language import Language, pick


async def _nobody(order: Order) -> OrderReply:
    """Say that there is no team here."""
    return OrderReply(text=no_desk(order.language))


async def _staff(order: Order) -> OrderReply:
    """Say that these are the team's commands."""
    return OrderReply(text=staff_only(order.language))


DESK_ORDERS: dict[CommandName, Handler] = {
    CommandName.HUMAN: _nobody,
    CommandName.TAKE: _staff,
    CommandName.BACK: _staff,
    CommandName.CLOSE: _staff,
}


def no_desk(language: Language) -> str:
    """Say that there is nobody to ask."""
    return pick(
        language,
        zh="这里没有设置人工客服，只能由我来回答。",
        en="No team is connected here, so there is only me to answer.",
    )


def staff_only(language: Language) -> str:
    """Say that only the team may do this."""
    return pick(language, zh="只有团队成员可以这样做。", en="Only people of the team can do this.")
