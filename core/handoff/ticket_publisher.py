"""Publishing of tickets: a handoff's thread at the desk, with the message that shows its state."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from core.domain.bot_messages import MessageRef
from core.handoff import ticket_card
from core.handoff.handoff_service import HandoffService
from core.handoff.sender import HandoffSender
from core.handoff.ticket_card import TicketContext
from core.store import Database, conversation_settings, desk_history, handoffs, history, outbox, ratings
from core.store.conversation_settings import START_PAYLOAD
from core.store.handoffs import Handoff
from core.store.outbox import OutboxItem

MAX_EARLIER: Final = 3  #: handoffs of the same customer that a ticket links


class TicketPublisher:
    """Opens a handoff's thread with its ticket, and updates the ticket."""

    def __init__(self, database: Database, sender: HandoffSender, service: HandoffService) -> None:
        self._database = database
        self._service = service
        self._sender = sender
        self._titles: dict[tuple[str, str], str] = {}  #: of chats, by platform and channel

    async def publish(self, item: OutboxItem, handoff: Handoff, *, known_message_ids: frozenset[str]) -> bool:
        """Show a handoff's present state; True if its ticket is new.

        Args:
            item: the outbox item that asks for it.
            handoff: the handoff.
            known_message_ids: our messages that an earlier attempt at this item cannot have posted.

        Raises:
            PlatformError: the desk cannot be reached.
        """
        is_new = not handoff.ticket
        async with self._database.read() as tx:
            lines = await history.load_recent(
                tx,
                handoff.conversation_id,
                after_seq=-1,
                up_to_seq=await outbox.get_ticket_event_id(tx, handoff.id) or item.inbox_id,
                limit=ticket_card.MAX_LINES,
            )
            rating = await ratings.get(tx, handoff.id)
            settings = await conversation_settings.load(tx, handoff.conversation_id)
            send_mode = (await self._service.policy_of(tx, handoff)).send_mode
            earlier = await desk_history.load_earlier_handoffs(tx, handoff, limit=MAX_EARLIER)
        thread = handoff.desk_thread
        if is_new and not thread:
            thread = await self._sender.open_topic(handoff, ticket_card.title(handoff))
            if thread:
                await self._save_refs(handoff, thread, ())
        await self._sender.deliver_text(
            item,
            self._sender.platforms.desk_address(handoff, thread),
            ticket_card.render(
                handoff,
                lines,
                context=await self._context_of(handoff, earlier),
                rating=rating,
                start_payload=settings.get(START_PAYLOAD, ""),
                send_mode=send_mode,
            ),
            ticket_card.buttons(handoff),
            refs=handoff.ticket,
            known_message_ids=known_message_ids,
            on_refs=partial(self._save_refs, handoff, thread),
        )
        return is_new

    async def _context_of(self, handoff: Handoff, earlier: Sequence[Handoff]) -> TicketContext:
        """Return the customer's chat, as far as it is known, with links to earlier tickets."""
        rooms, key = self._sender.platforms.rooms, handoff.address.key
        theirs, desk = rooms.get(key.platform), rooms.get(handoff.desk_room.platform)
        title = link = ""
        if theirs is not None:
            place = (key.platform, key.channel)
            title = self._titles.get(place) or await theirs.chat_title(key.channel)
            self._titles[place] = title
            link = theirs.message_link(key.channel, handoff.address.reply_to or key.thread)
        links = [
            desk.message_link(one.desk_room.channel, one.ticket[0].message_id) if desk and one.ticket else ""
            for one in earlier
        ]
        titles = [f"#{one.id} ({one.requested_at:%Y-%m-%d})" for one in earlier]
        return TicketContext(
            chat_title=title, message_link=link, earlier=list(zip(titles, links, strict=True))
        )

    async def _save_refs(self, handoff: Handoff, thread: str, refs: Sequence[MessageRef]) -> None:
        """Store the ticket's references; on a platform without topics the ticket begins the thread."""
        thread = thread or (refs[0].message_id if refs else "")
        async with self._database.begin() as tx:
            await handoffs.set_desk_thread(tx, handoff.id, thread=thread, ticket=refs)
