"""What one side says becomes rows for the other side: words, files, edits, deletions.

Words that begin with ``//`` are a note of the desk's and reach no customer, also where an edit makes
them one.
"""

from core.domain.events import Deleted, Edited, Person, Said
from core.domain.handoff_state import Action, State
from core.files.policy import marked
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import next_look
from core.handoff.policy import DeskTerms
from core.handoff.service import Desk
from core.inbound.history_writer import remember
from core.store import Transaction, conversations, handoffs, history
from core.store.handoffs import Handover
from core.store.history import Line
from core.store.outbox import Content, Kind, Post, Side, Source
from core.text.tokens import estimate_tokens

NOTE = "//"


def is_note(words: str) -> bool:
    """Return whether words on the desk are for the team alone."""
    return words.lstrip().startswith(NOTE)


class Relay:
    """Makes rows of what is said; all within the caller's transaction."""

    def __init__(self, desk_: Desk) -> None:
        self._desk = desk_

    async def customer_said(self, tx: Transaction, handover: Handover, event: Said, inbox_id: int) -> None:
        """Pass a customer's message on to the desk; it is part of the history as any other."""
        conversation = await conversations.get(tx, handover.conversation_id)
        await remember(tx, event, conversation, inbox_id, quotes=False)
        terms = await self._terms(tx, handover)
        look_at = next_look(
            handover.state, terms.patience, now=self._desk.now(), reminded=0, customer_waits=True
        )
        await handoffs.customer_spoke(tx, handover, event.address, due_at=look_at)
        if not handover.desk.platform:
            return  # the person reads it in the same room
        name = event.author.name or handover.customer.name or event.author.id
        words = event.text.strip() or texts_for_staff.unpassable(
            event, ticket_card.language_of_card(handover)
        )
        await self._copy(
            tx, handover, event, inbox_id, "desk", texts_for_customers.signed(name, words) if words else ""
        )

    async def staff_said(self, tx: Transaction, handover: Handover, event: Said, inbox_id: int) -> None:
        """Pass a person's message on to the customer, and take the handover where nobody has."""
        if is_note(event.text):
            return
        done = await self._desk.act(tx, handover, Action.ANSWER, event.author, inbox_id=inbox_id)
        if done is None:
            await self._desk.say(
                tx, handover, inbox_id, "desk", texts_for_staff.ended(ticket_card.language_of_card(handover))
            )
            return
        terms = await self._terms(tx, handover)
        await self._staff_spoke(tx, done.handover, terms)
        await self._remember_staff(tx, handover, event, inbox_id)
        words = event.text.strip()
        await self._copy(
            tx, handover, event, inbox_id, "customer", self.from_staff(terms, event.author, words)
        )

    async def staff_spoke_here(self, tx: Transaction, handover: Handover, event: Said, inbox_id: int) -> None:
        """Note what a person said to the customer in the customer's own room."""
        await self._staff_spoke(tx, handover, await self._terms(tx, handover))
        await self._remember_staff(tx, handover, event, inbox_id)

    async def edited(self, tx: Transaction, copies: list[Post], event: Edited, inbox_id: int) -> None:
        """Let the copy of a message follow its edit."""
        words = next((copy for copy in copies if copy.kind is Kind.WORDS), None)
        handover = await self._handover_of(tx, words)
        if words is None or handover is None:
            return
        if words.side == "customer" and is_note(event.text):
            await self._take_away(tx, handover, copies, inbox_id)
            return
        text = event.text.strip()
        if words.side == "desk":
            text = texts_for_customers.signed(
                event.author.name or handover.customer.name or event.author.id, text
            )
        else:
            text = self.from_staff(await self._terms(tx, handover), event.author, text)
        await history.reword_copy(
            tx, handover.conversation_id, event.message_id, event.text, estimate_tokens(event.text)
        )
        content = Content(text=text, of=words.id)
        await self._desk.put(tx, handover, inbox_id, Kind.EDIT, words.side, content)

    async def deleted(self, tx: Transaction, copies: list[Post], event: Deleted, inbox_id: int) -> None:
        """Let the copies of a message go with it."""
        handover = await self._handover_of(tx, copies[0])
        if handover is not None:
            await history.remove(tx, handover.conversation_id, event.message_id)
            await self._take_away(tx, handover, copies, inbox_id)

    def from_staff(self, terms: DeskTerms, author: Person, words: str) -> str:
        """Return a person's words as the customer sees them."""
        return (
            texts_for_customers.signed(author.name, words) if terms.names and author.name and words else words
        )

    async def _copy(
        self, tx: Transaction, handover: Handover, event: Said, inbox_id: int, side: Side, words: str
    ) -> None:
        key = event.address.key
        source = Source(platform=key.platform, channel=key.channel, message_id=event.message_id)
        if words:
            await self._desk.put(tx, handover, inbox_id, Kind.WORDS, side, Content(text=words), source)
        for file in event.attachments:
            content = Content(file=file, platform=key.platform)
            await self._desk.put(tx, handover, inbox_id, Kind.FILE, side, content, source)

    async def _take_away(
        self, tx: Transaction, handover: Handover, copies: list[Post], inbox_id: int
    ) -> None:
        for copy in copies:
            if copy.kind in (Kind.WORDS, Kind.FILE):
                content = Content(of=copy.id)
                await self._desk.put(tx, handover, inbox_id, Kind.DELETE, copy.side, content)

    async def _staff_spoke(self, tx: Transaction, handover: Handover, terms: DeskTerms) -> None:
        now = self._desk.now()
        look_at = next_look(State.STAFF, terms.patience, now=now, reminded=0, customer_waits=False)
        await handoffs.staff_spoke(tx, handover, now=now, due_at=look_at)

    async def _remember_staff(self, tx: Transaction, handover: Handover, event: Said, inbox_id: int) -> None:
        """Keep a person's words as an answer that the conversation got: Kimi reads them later."""
        text = "\n\n".join(part for part in (event.text.strip(), marked(event.attachments)) if part)
        line = Line(
            seq=inbox_id,
            role="assistant",
            author_id=event.author.id,
            author=event.author.name,
            text=text,
            tokens=estimate_tokens(text),
        )
        if text:
            await history.add(tx, line, conversation_id=handover.conversation_id, message_id=event.message_id)

    async def _handover_of(self, tx: Transaction, post: Post | None) -> Handover | None:
        if post is None or post.handover_id is None:
            return None
        return await handoffs.get(tx, post.handover_id)

    async def _terms(self, tx: Transaction, handover: Handover) -> DeskTerms:
        return await self._desk.terms(tx, handover.address, ticket_card.language_of_card(handover))
