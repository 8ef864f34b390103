"""``/assign @colleague``: a handoff is given to a named member of the team."""

from core.domain.addresses import Person
from core.domain.events import CommandReceived, MessageReceived
from core.domain.handoff_state import HandoffAction
from core.handoff import texts_for_staff
from core.handoff.handoff_service import HandoffResult, HandoffService
from core.handoff.languages import ticket_language
from core.handoff.outbox_writer import notify_desk
from core.store import Transaction, desk_history
from core.store.handoffs import Handoff


async def assign_to_colleague(
    tx: Transaction,
    service: HandoffService,
    handoff: Handoff,
    event: CommandReceived | MessageReceived,
    argument: str,
    *,
    inbox_id: int,
) -> HandoffResult | None:
    """Assign a handoff to the person that a command names; without a name to its author.

    The team is told who assigned it, or that the name is not known here.

    Args:
        tx: the transaction of the event.
        service: applies the assignment with its effects.
        handoff: the handoff.
        event: the command, or the same as plain text.
        argument: what follows the command.
        inbox_id: of the event.
    """
    name = " ".join(argument.split()).strip(" @,:;.")
    colleague = await _find_colleague(tx, handoff, event, name)
    language = ticket_language(handoff)
    if colleague is None:
        await notify_desk(tx, handoff, inbox_id, texts_for_staff.unknown_colleague_text(language, name))
        return None
    result = await service.apply_action(tx, handoff, HandoffAction.ASSIGN, colleague, inbox_id=inbox_id)
    if result is not None and colleague.id != event.author.id:
        by, to = event.author.name_or_id, colleague.name_or_id
        await notify_desk(tx, handoff, inbox_id, texts_for_staff.assigned_text(language, by, to))
    return result


async def _find_colleague(
    tx: Transaction, handoff: Handoff, event: CommandReceived | MessageReceived, name: str
) -> Person | None:
    if event.mentioned:
        return event.mentioned[0]
    if not name:
        return event.author
    return await desk_history.find_by_name(tx, handoff.desk_room, name)
