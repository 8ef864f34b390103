"""The door of the desk: which events belong to a handover, and what they do to it.

::

    a thread of the desk      → the customer, except notes; the team's commands
    a conversation handed over → the desk; Kimi is not asked
    plain words, /human, the button under an answer → a person is asked for

Each of these events is stored in the customer's conversation, in its line :attr:`Lane.DESK`, which
both directions run in: nobody's words overtake an earlier message.
"""

from core.access import Who
from core.chat_policy import ChatRules
from core.domain.events import (
    Addressed,
    CommandName,
    Control,
    Deleted,
    Edited,
    Event,
    Moved,
    Ordered,
    Pressed,
    Said,
    Scene,
)
from core.domain.handoff_state import Action
from core.handoff import texts_for_customers
from core.handoff.button_handler import Presses
from core.handoff.lookup import address_in, customer_of, goes_on, spoken
from core.handoff.relay import Relay
from core.handoff.request_phrases import wants_person
from core.handoff.service import Desk, Done, Wish
from core.inbound.handler import Admitted, Ruling
from core.inbound.history_writer import remember
from core.store import Lane, Transaction, Work, conversations, handoffs, history, inbox, outbox, ratings
from core.store.conversations import Conversation
from core.store.event_context import Arrival
from core.store.handoffs import Handover
from core.store.inbox import Mark
from core.store.outbox import Kind
from core.text.language import language_of
from core.text.tokens import estimate_tokens

STAFF_COMMANDS = {
    CommandName.TAKE: Action.TAKE,
    CommandName.BACK: Action.BACK,
    CommandName.CLOSE: Action.CLOSE,
}
#: Commands that would make the bot speak where people do now.
ANSWERING = frozenset({CommandName.RETRY, CommandName.STOP})


class DeskDoor:
    """Implements :class:`core.inbound.handler.Door`."""

    def __init__(self, desk_: Desk) -> None:
        self._desk = desk_
        self._relay = Relay(desk_)
        self._presses = Presses(desk_, self._relay)

    async def __call__(self, tx: Transaction, event: Event, arrival: Arrival) -> Ruling | None:
        """Rule on what belongs to a handover."""
        match event:
            case Said():
                return await self._said(tx, event, arrival)
            case Ordered():
                return await self._ordered(tx, event, arrival)
            case Pressed():
                return await self._pressed(tx, event)
            case Edited():
                return await self._edited(tx, event)
            case Deleted():
                return await self._deleted(tx, event)
            case Moved():
                await handoffs.move(tx, platform=event.platform, old=event.old_channel, new=event.new_channel)
                return None
            case _:
                return None

    # -- what is said --------------------------------------------------------------------------------

    async def _said(self, tx: Transaction, event: Said, arrival: Arrival) -> Ruling | None:
        conversation = arrival.replied or arrival.conversation
        if arrival.handover:
            at_desk = await handoffs.at_desk(tx, event.address.key)
            if at_desk is not None:
                return await self._said_at_desk(tx, at_desk, event)
            conversation, handover = await self._found(tx, event, arrival)
            if handover is not None:
                return await self._said_by_customer(tx, handover, event)
            if conversation is not None and (ruling := await self._commented(tx, conversation, event)):
                return ruling
        return await self._wished(tx, conversation, event, arrival.rules)

    async def _said_at_desk(self, tx: Transaction, handover: Handover, event: Said) -> Ruling:
        seq = await self._store(tx, event, handover.conversation_id)
        if seq is None:
            return Ruling(None)
        await self._relay.staff_said(tx, handover, event, seq)
        return self._work(handover.conversation_id)

    async def _said_by_customer(self, tx: Transaction, handover: Handover, event: Said) -> Ruling:
        seq = await self._store(tx, event, handover.conversation_id)
        if seq is None:
            return Ruling(None)
        staff = event.author.id != handover.customer.id and (
            event.author.id == handover.taker.id or await self._is_staff(tx, event)
        )
        if staff:
            await self._relay.staff_spoke_here(tx, handover, event, seq)
        else:
            await self._relay.customer_said(tx, handover, event, seq)
        return self._work(handover.conversation_id)

    async def _commented(self, tx: Transaction, conversation: Conversation, event: Said) -> Ruling | None:
        """Take the words that follow "Add a comment" as the comment."""
        latest = await handoffs.latest(tx, conversation.id)
        if latest is None or latest.customer.id != event.author.id or not event.text.strip():
            return None
        if not await ratings.comment(tx, latest.id, event.text.strip()):
            return None
        seq = await self._store(tx, event, conversation.id)
        if seq is None:
            return Ruling(None)
        language = language_of(event.text, latest.language)
        await self._desk.say(tx, latest, seq, "customer", texts_for_customers.comment_taken(language))
        if latest.desk.platform:
            await self._desk.put(tx, latest, seq, Kind.CARD, "desk")
        return self._work(conversation.id)

    async def _wished(
        self, tx: Transaction, conversation: Conversation | None, event: Said, rules: ChatRules | None
    ) -> Ruling | None:
        """Ask for a person where words (the customer's, or a rule's keyword) do."""
        if not wants_person(event.text):
            if rules is None or not rules.brings_person(event.text):
                return None
            why = "keyword"
        elif event.addressed is Addressed.OVERHEARD and not await goes_on(tx, conversation, event):
            return None
        else:
            why = "words"
        language = language_of(event.text, event.author.language)
        terms = await self._desk.terms(tx, event.address, language)
        key = event.address.key
        if terms.desk is None or (terms.desk.platform, terms.desk.channel) == (key.platform, key.channel):
            return None
        if why == "keyword" and await self._is_staff(tx, event):
            return None
        if conversation is None and event.follows_replies:
            conversation = await conversations.latest_in_channel(tx, key, event.author.id)
        conversation = conversation or await conversations.ensure(tx, key, event.scene)
        seq = await self._store(tx, event, conversation.id)
        if seq is None:
            return Ruling(None)
        await remember(tx, event, conversation, seq, quotes=False)
        wish = Wish(why=why, customer=event.author, language=language, address=event.address)
        return self._ruled(conversation, await self._desk.ask(tx, conversation, wish, inbox_id=seq))

    # -- commands --------------------------------------------------------------------------------------

    async def _ordered(self, tx: Transaction, event: Ordered, arrival: Arrival) -> Ruling | None:
        at_desk = await handoffs.at_desk(tx, event.address.key) if arrival.handover else None
        if at_desk is not None and event.command in STAFF_COMMANDS:
            return await self._acted(tx, at_desk, event, STAFF_COMMANDS[event.command])
        if at_desk is not None:
            return None
        conversation, handover = await self._found(tx, event, arrival)
        if event.command is CommandName.HUMAN:
            return await self._asked(tx, conversation, event)
        if event.command in STAFF_COMMANDS and await self._is_staff(tx, event):
            return await self._ordered_here(tx, conversation, handover, event)
        if handover is not None and event.command in ANSWERING:
            return await self._skipped(tx, event)
        return None

    async def _asked(
        self, tx: Transaction, conversation: Conversation | None, event: Ordered
    ) -> Ruling | None:
        key = event.address.key
        language = language_of("", event.author.language)
        terms = await self._desk.terms(tx, event.address, language)
        if terms.desk is None or (terms.desk.platform, terms.desk.channel) == (key.platform, key.channel):
            return None  # the order's own handler says so
        if conversation is None:
            conversation = await conversations.latest_in_channel(tx, key, event.author.id)
            conversation = conversation or await conversations.ensure(tx, key, event.scene)
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
        return self._ruled(conversation, await self._desk.ask(tx, conversation, wish, inbox_id=seq))

    async def _ordered_here(
        self,
        tx: Transaction,
        conversation: Conversation | None,
        handover: Handover | None,
        event: Ordered,
    ) -> Ruling | None:
        """Let staff take, hand back or close in the room that they share with the customer."""
        if handover is not None:
            return await self._acted(tx, handover, event, STAFF_COMMANDS[event.command])
        if event.command is not CommandName.TAKE or event.scene is Scene.DIRECT or conversation is None:
            return None
        seq = await self._store(tx, event, conversation.id)
        if seq is None:
            return Ruling(None)
        language = await spoken(tx, conversation, event.author.language)
        customer = await customer_of(tx, conversation, event)
        wish = Wish(
            why="staff", customer=customer, language=language, address=address_in(conversation, event)
        )
        done = await self._desk.take_here(tx, conversation, wish, event.author, inbox_id=seq)
        return self._ruled(conversation, done)

    async def _acted(self, tx: Transaction, handover: Handover, event: Ordered, action: Action) -> Ruling:
        seq = await self._store(tx, event, handover.conversation_id)
        if seq is None:
            return Ruling(None)
        await self._desk.act(tx, handover, action, event.author, inbox_id=seq)
        return self._work(handover.conversation_id)

    # -- buttons, edits, deletions ---------------------------------------------------------------------

    async def _pressed(self, tx: Transaction, event: Pressed) -> Ruling | None:
        if event.control in (Control.RETRY, Control.CONTINUE):
            conversation = await conversations.by_message(tx, event.address.key, event.message_id)
            if conversation is not None and await handoffs.active(tx, conversation.id) is not None:
                return await self._skipped(tx, event)
            return None
        return await self._presses(tx, event)

    async def _edited(self, tx: Transaction, event: Edited) -> Ruling | None:
        key = event.address.key
        copies = list(await outbox.copies_of(tx, key, event.message_id))
        if copies:
            seq = await self._store(tx, event, copies[0].conversation_id)
            if seq is None:
                return Ruling(None)
            await self._relay.edited(tx, copies, event, seq)
            return self._work(copies[0].conversation_id)
        if await handoffs.at_desk(tx, key) is not None:
            return await self._skipped(tx, event)  # a note was changed: the team's own affair
        conversation = await conversations.by_message(tx, key, event.message_id)
        if conversation is None or await handoffs.active(tx, conversation.id) is None:
            return None
        # The question from before the handover: Kimi must not answer it anew now.
        await history.reword(tx, conversation.id, event.message_id, event.text, estimate_tokens(event.text))
        return await self._skipped(tx, event)

    async def _deleted(self, tx: Transaction, event: Deleted) -> Ruling | None:
        copies = list(await outbox.copies_of(tx, event.address.key, event.message_id))
        if not copies:
            return None
        seq = await self._store(tx, event, copies[0].conversation_id)
        if seq is None:
            return Ruling(None)
        await self._relay.deleted(tx, copies, event, seq)
        return self._work(copies[0].conversation_id)

    # -- what all of these need ------------------------------------------------------------------------

    async def _found(
        self, tx: Transaction, event: Said | Ordered, arrival: Arrival
    ) -> tuple[Conversation | None, Handover | None]:
        """Return the conversation that an event belongs to, and its handover under way."""
        key = event.address.key
        conversation = arrival.replied or arrival.conversation
        if not arrival.handover:
            return conversation, None
        if conversation is not None:
            return conversation, await handoffs.active(tx, conversation.id)
        if event.follows_replies or not key.thread:
            # Where every message may begin a conversation, a customer's next words go with their last.
            handover = await handoffs.active_of(tx, key, event.author.id)
            if handover is not None:
                return await conversations.get(tx, handover.conversation_id), handover
        return None, None

    async def _is_staff(self, tx: Transaction, event: Said | Ordered) -> bool:
        key = event.address.key
        who = Who.at(key, event.author.id)
        return await self._desk.rules.is_staff(tx, who)

    async def _store(self, tx: Transaction, event: Event, conversation_id: int) -> int | None:
        return await inbox.add(tx, event, conversation_id=conversation_id, lane=Lane.DESK, mark=Mark.OPEN)

    async def _skipped(self, tx: Transaction, event: Event) -> Ruling:
        seq = await inbox.add(tx, event, conversation_id=None, lane=Lane.DESK, mark=Mark.SKIPPED)
        return Ruling(None if seq is None else Admitted())

    def _work(self, conversation_id: int, cancel: str = "") -> Ruling:
        return Ruling(Admitted(Work(conversation_id, Lane.DESK), cancel))

    def _ruled(self, conversation: Conversation, done: Done | None) -> Ruling:
        return self._work(conversation.id, done.cancel if done is not None else "")
