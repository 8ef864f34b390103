"""The commands that only say something: their effect was stored when they came in."""

from collections.abc import Mapping

from core.commands.command import Handler, Order, OrderReply
from core.domain.events import CommandName
from core.text.notices import Notice


def saying(notice: Notice) -> Handler:
    """Return a handler that says one notice."""

    async def say(order: Order) -> OrderReply:
        return OrderReply(text=notice.text(order.language))

    return say


BASIC: Mapping[CommandName, Handler] = {
    CommandName.HELP: saying(Notice.HELP),
    CommandName.START: saying(Notice.START),
    CommandName.NEW: saying(Notice.NEW),
    CommandName.STOP: saying(Notice.NOTHING_RUNNING),
}
