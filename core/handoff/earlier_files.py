"""Files of the messages that a ticket shows: the team sees what they name."""

from core.domain.handoff_state import OutboxKind, OutboxSide
from core.domain.message_content import MessageRole
from core.handoff import ticket_card
from core.handoff.outbox_writer import enqueue
from core.store import Transaction, history
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent


async def enqueue_earlier_files(tx: Transaction, handoff: Handoff, inbox_id: int) -> None:
    """Send the files of the last messages before a new handoff to the desk, behind its ticket.

    Args:
        tx: the transaction of the event that begins the handoff.
        handoff: the handoff.
        inbox_id: that event; its own files are not sent.
    """
    if not handoff.desk_room.platform:
        return  # staff sees them in the same room
    lines = await history.load_recent(
        tx, handoff.conversation_id, after_seq=-1, up_to_seq=inbox_id, limit=ticket_card.MAX_LINES
    )
    for line in lines:
        if line.role is MessageRole.USER and line.seq != inbox_id:
            for file in line.content.attachments:
                content = OutboxContent(file=file, platform=handoff.address.key.platform)
                await enqueue(tx, handoff, inbox_id, OutboxKind.FILE, OutboxSide.DESK, content)
