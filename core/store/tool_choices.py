"""The choices of a chat about tools: which may be used, and which need no approval.

A group's are rules of the chat, so that they hold in all its threads; a direct conversation's are its own
settings.
"""

from dataclasses import dataclass, replace

from core.chat_policy import RULES_WITHOUT_EFFECT
from core.domain.addresses import ChatType
from core.store import conversation_settings, rules
from core.store.conversation_settings import APPROVED_TOOLS, TOOLS
from core.store.conversations import Conversation
from core.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoices:
    """What people have chosen in one chat."""

    tools: tuple[str, ...] | None = None  #: words of :mod:`core.tools.selection`; None if nothing is chosen
    approved: tuple[str, ...] = ()  #: names of the tools that are always allowed


async def load(tx: Transaction, conversation: Conversation) -> ToolChoices:
    """Return the choices of a conversation's chat."""
    if conversation.chat_type is ChatType.GROUP:
        chat_rules = await rules.load(tx, conversation.key)
        if chat_rules is None:
            return ToolChoices()
        return ToolChoices(tools=chat_rules.tools or None, approved=chat_rules.approved_tools)
    settings = await conversation_settings.load(tx, conversation.id)
    tools = settings.get(TOOLS)
    return ToolChoices(
        tools=None if tools is None else tuple(tools.split(",")),
        approved=tuple(filter(None, settings.get(APPROVED_TOOLS, "").split(","))),
    )


async def save(tx: Transaction, conversation: Conversation, choices: ToolChoices, *, changed_by: str) -> None:
    """Store the choices of a conversation's chat; ``changed_by`` is the id of the person who made them."""
    if conversation.chat_type is not ChatType.GROUP:
        words = None if choices.tools is None else ",".join(choices.tools) or "none"
        await conversation_settings.save(tx, conversation.id, TOOLS, words or "")
        await conversation_settings.save(tx, conversation.id, APPROVED_TOOLS, ",".join(choices.approved))
        return
    key = conversation.key
    before = await rules.load(tx, key) or RULES_WITHOUT_EFFECT
    changed = replace(before, tools=choices.tools or (), approved_tools=choices.approved)
    tenant = await rules.resolve_tenant(tx, key)
    await rules.save(
        tx, changed, platform=key.platform, tenant=tenant, channel=key.channel, changed_by=changed_by
    )
