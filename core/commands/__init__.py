"""What the bot does for a command or a choice: one module for each, one table of all.

A handler is called at once, beside a running answer. It may be called again after a crash, so it
sets what is wanted rather than toggling it.
"""

from core.commands.basic import BASIC
from core.commands.block import BlockOrder, UnblockOrder
from core.commands.canned import CannedOrder
from core.commands.command import Handler, Order, OrderReply, Orders
from core.commands.context import ContextOrder
from core.commands.desk import DESK_ORDERS
from core.commands.files import FilesOrder, NewOrder
from core.commands.forget import ForgetOrder
from core.commands.learn import LearnOrder
from core.commands.model import ModelOrder
from core.commands.options import GroupChanges, may_change
from core.commands.persona import PersonaOrder
from core.commands.search import SearchOrder
from core.commands.settings import SettingsOrder
from core.commands.think import ThinkOrder
from core.commands.usage import UsageOrder

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
