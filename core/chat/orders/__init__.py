"""What the bot does for a command or a choice: one module for each, one table of all.

A handler is called at once, beside a running answer. It may be called again after a crash, so it
sets what is wanted rather than toggling it.
"""

from core.chat.orders.basic import BASIC
from core.chat.orders.block import BlockOrder, UnblockOrder
from core.chat.orders.canned import CannedOrder
from core.chat.orders.choosing import GroupChanges, may_change
from core.chat.orders.context import ContextOrder
from core.chat.orders.desk import DESK_ORDERS
from core.chat.orders.files import FilesOrder, NewOrder
from core.chat.orders.forget import ForgetOrder
from core.chat.orders.learn import LearnOrder
from core.chat.orders.model import ModelOrder
from core.chat.orders.order import Handler, Order, OrderReply, Orders
from core.chat.orders.persona import PersonaOrder
from core.chat.orders.search import SearchOrder
from core.chat.orders.settings import SettingsOrder
from core.chat.orders.think import ThinkOrder
from core.chat.orders.usage import UsageOrder

__all__ = [
    "BASIC",
    "DESK_ORDERS",
    "BlockOrder",
    "CannedOrder",
    "ContextOrder",
    "FilesOrder",
    "ForgetOrder",
    "GroupChanges",
    "Handler",
    "LearnOrder",
    "ModelOrder",
    "NewOrder",
    "Order",
    "OrderReply",
    "Orders",
    "PersonaOrder",
    "SearchOrder",
    "SettingsOrder",
    "ThinkOrder",
    "UnblockOrder",
    "UsageOrder",
    "may_change",
]
