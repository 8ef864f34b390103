"""What the bot does for a command or a choice: one module for each, one table of all.

A handler is called at once, beside a running answer. It may be called again after a crash, so it
sets what is wanted rather than toggling it.
"""

from core.chat.orders.basic import BASIC
from core.chat.orders.order import Handler, Order, OrderReply, Orders

__all__ = ["BASIC", "Handler", "Order", "OrderReply", "Orders"]
