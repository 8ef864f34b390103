"""The buttons of handovers: the desk's, the one that asks for a person, the rating's.

Choices' data can be forged by a changed client, so that each press is checked: the desk's verbs count
only on the desk, a rating only from the handover's own customer.
"""

from core.domain.events import Control, Pressed
from core.domain.handoff_state import ACTIVE, Action
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import next_look
from core.handoff.lookup import address_in, spoken
from core.handoff.relay import Relay
from core.handoff.service import Desk, Wish
from core.inbound.handler import Admitted, Ruling
from core.store import (
    Lane,
    Transaction,
    Work,
    conversations,
    feedback,
    handoffs,
    history,
    inbox,
    outbox,
    ratings,
)
from core.store.handoffs import Handover
from core.store.history import Line
from core.store.inbox import Mark
from core.store.outbox import Content, Kind
from core.text.tokens import estimate_tokens

VERBS = {"take": Action.TAKE, "back": Action.BACK, "close": Action.CLOSE}


class Presses:
    """Rules on pressed buttons."""

    def __init__(self, desk_: Desk, relay: Relay) -> None:
        self._desk = desk_
        self._relay = relay

    async def __call__(self, tx: Transaction, event: Pressed) -> Ruling | None:
        """Return a ruling where a button of ours was pressed."""
        match event.choice.split(":"):
            case ["human", _]:
                return await self._asked(tx, event)
            case ["desk", "send", post] if post.isdigit():
                return await self._sent(tx, event, int(post))
            case ["desk", "draft", number] if number.isdigit():
                return await self._drafted(tx, event, int(number))
            case ["desk", verb, number] if verb in VERBS and number.isdigit():
                return await self._acted(tx, event, VERBS[verb], int(number))
            case ["rate", "comment", number] if number.isdigit():
                return await self._will_comment(tx, event, int(number))
            case ["rate", stars, number] if stars in "12345" and number.isdigit():
                return await self._rated(tx, event, int(stars), int(number))
            case ["desk" | "rate", *_]:
                return await self._skipped(tx, event)
        if event.control is Control.BAD:
            return await self._disliked(tx, event)
        return None

    # -- by customers ----------------------------------------------------------------------------------

    async def _asked(self, tx: Transaction, event: Pressed) -> Ruling | None:
        key = event.address.key
        conversation = await conversations.by_message(tx, key, event.message_id)
        conversation = conversation or await conversations.find(tx, key)
        if conversation is None:
            return await self._skipped(tx, event)
        seq = await self._store(tx, event, conversation.id)
        if seq is None:
            return Ruling(None)
        language = await spoken(tx, conversation, event.author.language)
        wish = Wish(
            why="customer",
            customer=event.author,
            language=language,
            address=address_in(conversation, event),
        )
        done = await self._desk.ask(tx, conversation, wish, inbox_id=seq)
        return self._work(conversation.id, done.cancel if done is not None else "")

    async def _disliked(self, tx: Transaction, event: Pressed) -> Ruling | None:
        """Keep a bad verdict on an answer, and offer a person."""
        key = event.address.key
        conversation = await conversations.by_message(tx, key, event.message_id)
        turn_id = await conversations.turn_of_message(tx, key, event.message_id)
        if conversation is None or turn_id is None:
            return None
        language = await spoken(tx, conversation, event.author.language)
        terms = await self._desk.terms(tx, event.address, language)
        if terms.desk is None or await handoffs.active(tx, conversation.id) is not None:
            return None
        seq = await self._store(tx, event, conversation.id)
        if seq is None:
            return Ruling(None)
        await feedback.give(tx, turn_id=turn_id, person_id=event.author.id, verdict="bad")
        address = address_in(conversation, event)
        wish = Wish(why="feedback", customer=event.author, language=language, address=address)
        done = await self._desk.suggest(tx, conversation, wish, terms, inbox_id=seq)
        return self._work(conversation.id, done.cancel if done is not None else "")

    async def _rated(self, tx: Transaction, event: Pressed, stars: int, number: int) -> Ruling:
        handover = await self._of_customer(tx, event, number)
        if handover is None or not await ratings.rate(tx, handover.id, stars):
            return await self._skipped(tx, event)
        language = ticket_card.language_of_card(handover)
        seq = await self._store(tx, event, handover.conversation_id)
        if seq is None:
            return Ruling(None)
        await self._rewrite(
            tx,
            handover,
            event,
            seq,
            Content(
                text=texts_for_customers.rated(language, stars),
                choices=(texts_for_customers.comment_button(language, handover.id),),
            ),
        )
        if handover.desk.platform:
            await self._desk.put(tx, handover, seq, Kind.CARD, "desk")
        return self._work(handover.conversation_id)

    async def _will_comment(self, tx: Transaction, event: Pressed, number: int) -> Ruling:
        handover = await self._of_customer(tx, event, number)
        if handover is None or not await ratings.want_comment(tx, handover.id):
            return await self._skipped(tx, event)
        seq = await self._store(tx, event, handover.conversation_id)
        if seq is None:
            return Ruling(None)
        language = ticket_card.language_of_card(handover)
        await self._desk.say(tx, handover, seq, "customer", texts_for_customers.comment_wanted(language))
        return self._work(handover.conversation_id)

    async def _rewrite(
        self, tx: Transaction, handover: Handover, event: Pressed, seq: int, content: Content
    ) -> None:
        """Let other words and buttons stand in the message whose button was pressed."""
        post = await outbox.showing(tx, handover.id, event.message_id)
        if post is None:
            return
        edit = Content(text=content.text, choices=content.choices, of=post.id)
        await self._desk.put(tx, handover, seq, Kind.EDIT, "customer", edit)

    async def _of_customer(self, tx: Transaction, event: Pressed, number: int) -> Handover | None:
        handover = await handoffs.get(tx, number)
        key = event.address.key
        if handover is None or handover.customer.id != event.author.id or handover.ended_at is None:
            return None
        theirs = handover.address.key
        return handover if (theirs.platform, theirs.channel) == (key.platform, key.channel) else None

    # -- by the desk -----------------------------------------------------------------------------------

    async def _acted(self, tx: Transaction, event: Pressed, action: Action, number: int) -> Ruling:
        handover = await handoffs.by_card(tx, number, event.address.key)
        if handover is None:
            return await self._skipped(tx, event)
        seq = await self._store(tx, event, handover.conversation_id)
        if seq is None:
            return Ruling(None)
        await self._desk.act(tx, handover, action, event.author, inbox_id=seq)
        return self._work(handover.conversation_id)

    async def _drafted(self, tx: Transaction, event: Pressed, number: int) -> Ruling:
        handover = await handoffs.by_card(tx, number, event.address.key)
        if handover is None or handover.state not in ACTIVE:
            return await self._skipped(tx, event)
        seq = await inbox.add(
            tx, event, conversation_id=handover.conversation_id, lane=Lane.NOTES, mark=Mark.OPEN
        )
        if seq is None:
            return Ruling(None)
        await self._desk.put(tx, handover, seq, Kind.DRAFT, "desk")
        return Ruling(Admitted(Work(handover.conversation_id, Lane.NOTES)))

    async def _sent(self, tx: Transaction, event: Pressed, number: int) -> Ruling:
        """Send a draft to the customer in the name of whoever pressed; once."""
        post = await outbox.get(tx, number)
        handover_id = post.handover_id if post is not None else None
        handover = await handoffs.by_card(tx, handover_id or 0, event.address.key)
        if post is None or handover is None or not post.content.draft:
            return await self._skipped(tx, event)
        seq = await self._store(tx, event, handover.conversation_id)
        if seq is None:
            return Ruling(None)
        if not await outbox.take_draft(tx, post):
            return self._work(handover.conversation_id)  # somebody was quicker
        done = await self._desk.act(tx, handover, Action.ANSWER, event.author, inbox_id=seq)
        language = ticket_card.language_of_card(handover)
        if done is None:
            await self._desk.say(tx, handover, seq, "desk", texts_for_staff.ended(language))
            return self._work(handover.conversation_id)
        await self._send(tx, done.handover, event, seq, post.content.draft)
        name = event.author.name or event.author.id
        sent = Content(text=texts_for_staff.draft_sent(language, name, post.content.draft), of=post.id)
        await self._desk.put(tx, handover, seq, Kind.EDIT, "desk", sent)
        return self._work(handover.conversation_id)

    async def _send(self, tx: Transaction, handover: Handover, event: Pressed, seq: int, words: str) -> None:
        terms = await self._desk.terms(tx, handover.address, ticket_card.language_of_card(handover))
        text = self._relay.from_staff(terms, event.author, words)
        await self._desk.say(tx, handover, seq, "customer", text)
        now = self._desk.now()
        look_at = next_look(handover.state, terms.patience, now=now, reminded=0, customer_waits=False)
        await handoffs.staff_spoke(tx, handover, now=now, due_at=look_at)
        line = Line(
            seq=seq,
            role="assistant",
            author_id=event.author.id,
            author=event.author.name,
            text=words,
            tokens=estimate_tokens(words),
        )
        await history.add(tx, line, conversation_id=handover.conversation_id)

    # -- what all of these need ------------------------------------------------------------------------

    async def _store(self, tx: Transaction, event: Pressed, conversation_id: int) -> int | None:
        return await inbox.add(tx, event, conversation_id=conversation_id, lane=Lane.DESK, mark=Mark.OPEN)

    async def _skipped(self, tx: Transaction, event: Pressed) -> Ruling:
        seq = await inbox.add(tx, event, conversation_id=None, lane=Lane.DESK, mark=Mark.SKIPPED)
        return Ruling(None if seq is None else Admitted())

    def _work(self, conversation_id: int, cancel: str = "") -> Ruling:
        return Ruling(Admitted(Work(conversation_id, Lane.DESK), cancel))
