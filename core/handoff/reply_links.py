"""The counterpart, on the other side of a handoff, of the message that a person replies to.

A platform that shows replies gets a reply to the counterpart; elsewhere its text is quoted. What has no
counterpart on the other side (a note of the team, above all) is never quoted there.
"""

from dataclasses import dataclass
from typing import Final

from core.domain.events import MessageReceived
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.store import Transaction, outbox_copies
from core.store.handoffs import Handoff
from core.store.outbox import OutboxItem
from core.text.quoting import blockquote, truncate

MAX_QUOTE_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyLink:
    """What a copy of a reply refers to."""

    message_id: str = ""  #: on the side where the copy is shown; "" if it has no id there
    quote: str = ""  #: Markdown, shown above the copy if the platform shows no replies
    selection: str = ""  #: Markdown, the part that was chosen to quote, shown above the copy everywhere


async def find_reply_link(
    tx: Transaction, handoff: Handoff, event: MessageReceived, side: OutboxSide
) -> ReplyLink | None:
    """Return the counterpart of the message that an event replies to; None if there is none.

    Args:
        tx: a transaction.
        handoff: the handoff that the event belongs to.
        event: a person's message.
        side: on which the copy of the event is shown.
    """
    reply = event.quoted
    if reply is None or not reply.message_id:
        return None
    own = [
        copy
        for copy in await outbox_copies.load_copies(tx, event.address.key, reply.message_id)
        if copy.side is side and copy.handoff_id == handoff.id and not copy.content.withdrawn
    ]
    if own:
        refs = [ref for copy in own for ref in copy.refs]
        return _link(event, own[0], refs[0].message_id if refs else "")
    other_side = OutboxSide.CUSTOMER if side is OutboxSide.DESK else OutboxSide.DESK
    shown = await outbox_copies.find_shown(tx, handoff.id, reply.message_id, other_side)
    if shown is None or not shown.source.message_id:
        return None  # the bot's own words
    if event.threads_by_reply and await outbox_copies.is_newest(tx, shown):
        return None  # in such a chat people reply to the last message to go on
    return _link(event, shown, shown.source.message_id)


def quote_of(item: OutboxItem) -> str:
    """Return the quote of a copy's text in Markdown; "" if it has none."""
    text = " ".join(item.content.text.split()) if item.kind is OutboxKind.TEXT else ""
    return blockquote(truncate(text, MAX_QUOTE_CHARS)) if text else ""


def _link(event: MessageReceived, item: OutboxItem, message_id: str) -> ReplyLink:
    selection = event.quoted.selection.strip() if event.quoted is not None else ""
    return ReplyLink(
        message_id=message_id,
        quote="" if selection else quote_of(item),
        selection=blockquote(selection) if selection else "",
    )
