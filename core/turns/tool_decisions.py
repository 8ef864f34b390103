"""Decisions about tools that an answer asks for: what a press decides, and for how long."""

from dataclasses import replace

from core.domain.buttons import DecideTools
from core.domain.events import ButtonPressed
from core.domain.tool_approval import ToolApproval, ToolDecision
from core.store import Transaction, tool_choices
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.turns import Turn
from core.text.quoting import plain_name


async def record_decision(
    tx: Transaction, conversation: Conversation, asked: Turn, event: ButtonPressed, decided: DecideTools
) -> ToolApproval | None:
    """Return the question of a turn with the decision of a press; None if the turn asks nothing (more).

    "Always here" is stored for the conversation's chat. A press that comes too late decides nothing.
    """
    if asked.approval is None or asked.id != decided.turn_id:
        return None
    approval = replace(
        asked.approval,
        decision=decided.decision,
        decided_by=plain_name(event.author.name_or_id),
        expired=utc_now() > asked.approval.expires_at,
    )
    if approval.decision is ToolDecision.ALWAYS and not approval.expired:
        choices = await tool_choices.load(tx, conversation)
        approved = dict.fromkeys([*choices.approved, *(call.name for call in approval.calls)])
        choices = replace(choices, approved=tuple(approved))
        await tool_choices.save(tx, conversation, choices, changed_by=event.author.id)
    return approval
