"""``/human``, ``/take``, ``/back`` and ``/close``, where the desk's door did not take them."""

from core.chat.desk import texts
from core.chat.orders.order import Handler, Order, OrderReply
from core.model import CommandName


async def _nobody(order: Order) -> OrderReply:
    """Say that there is no team here."""
    return OrderReply(text=texts.no_desk(order.language))


async def _staff(order: Order) -> OrderReply:
    """Say that these are the team's commands."""
    return OrderReply(text=texts.staff_only(order.language))


DESK_ORDERS: dict[CommandName, Handler] = {
    CommandName.HUMAN: _nobody,
    CommandName.TAKE: _staff,
    CommandName.BACK: _staff,
    CommandName.CLOSE: _staff,
}
