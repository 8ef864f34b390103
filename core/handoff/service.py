"""Beginning and changing handovers: each change and all that it brings, in one transaction.

What is to be shown is stored as rows of :mod:`core.store.outbox`; nothing is sent here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from core.domain.events import Address, Choice, Person
from core.domain.handoff_state import Action, Change, Effect, State, begin, transition
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import next_look
from core.handoff.policy import DeskRules, DeskTerms
from core.store import Transaction, handoffs, inbox, outbox, turns
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.handoffs import NOBODY, Handover
from core.store.outbox import Content, Kind, Side
from core.text.language import Language

log = structlog.get_logger(__name__)

Now = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Who wants a person for a conversation, and why."""

    why: str  #: "customer", "words", "unknown", "feedback", "repeat", "keyword", "staff"
    customer: Person
    language: Language
    address: Address  #: where the customer is answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of an action."""

    handover: Handover
    change: Change
    cancel: str = ""  #: why the running answer of the conversation ends; "" if it does not


class Desk:
    """Makes changes within the caller's transaction."""

    def __init__(self, rules: DeskRules, *, now: Now = utc_now) -> None:
        self.rules = rules
        self.now = now

    async def terms(self, tx: Transaction, address: Address, language: Language) -> DeskTerms:
        """Return the terms of the chat that an address is in."""
        return await self.rules.terms(tx, address.key, language, self.now())

    async def ask(
        self, tx: Transaction, conversation: Conversation, wish: Wish, *, inbox_id: int
    ) -> Done | None:
        """Ask for a person; None where the chat has no desk. Who asks again hears where they stand."""
        terms = await self.terms(tx, wish.address, wish.language)
        if terms.desk is None:
            return None
        under_way = await handoffs.active(tx, conversation.id)
        if under_way is not None:
            return await self.act(tx, under_way, Action.ASK, wish.customer, inbox_id=inbox_id)
        return await self._begin(tx, conversation, wish, Action.ASK, NOBODY, terms, inbox_id=inbox_id)

    async def suggest(
        self,
        tx: Transaction,
        conversation: Conversation,
        wish: Wish,
        terms: DeskTerms,
        *,
        inbox_id: int,
    ) -> Done | None:
        """Do what the terms say where the bot thinks that a person should help: offer one, or ask for one."""
        if terms.unasked == "ask":
            return await self.ask(tx, conversation, wish, inbox_id=inbox_id)
        offer = Content(
            text=texts_for_customers.offered(wish.language),
            choices=(texts_for_customers.offer_button(wish.language),),
            address=wish.address,
        )
        await outbox.put(
            tx,
            conversation_id=conversation.id,
            handover_id=None,
            inbox_id=inbox_id,
            kind=Kind.WORDS,
            side="customer",
            content=offer,
        )
        return None

    async def take_here(
        self, tx: Transaction, conversation: Conversation, wish: Wish, taker: Person, *, inbox_id: int
    ) -> Done:
        """Let a person take a conversation in the very room that they share with the customer."""
        terms = replace(await self.terms(tx, wish.address, wish.language), desk=handoffs.Place())
        return await self._begin(tx, conversation, wish, Action.TAKE, taker, terms, inbox_id=inbox_id)

    async def act(
        self,
        tx: Transaction,
        handover: Handover,
        action: Action,
        author: Person,
        *,
        inbox_id: int,
        words: str = "",
    ) -> Done | None:
        """Do something to a handover; None where it has ended before.

        ``words`` take the place of what the customer would be told.
        """
        change = transition(handover.state, action)
        if change is None or handover.ended_at is not None:
            return None
        terms = await self.terms(tx, handover.address, ticket_card.language_of_card(handover))
        ends = change.after in (State.BOT, State.CLOSED)
        waits = handover.customer_waits
        look_at = next_look(change.after, terms.patience, now=self.now(), reminded=0, customer_waits=waits)
        new_taker = action in (Action.TAKE, Action.ANSWER) and author.id != handover.taker.id
        if change.moves or new_taker:
            await handoffs.change(
                tx,
                handover,
                action,
                change.after,
                author=author,
                now=self.now(),
                due_at=look_at,
                ends=ends,
            )
            log.info("handover_changed", handover=handover.id, action=action.value, state=change.after.value)
        elif action is not Action.ASK:
            return Done(handover=handover, change=replace(change, effects=()))
        changed = await handoffs.get(tx, handover.id) or handover
        cancel = await self._apply(tx, changed, change, author, terms, action, inbox_id, words)
        return Done(handover=changed, change=change, cancel=cancel)

    async def _begin(
        self,
        tx: Transaction,
        conversation: Conversation,
        wish: Wish,
        action: Action,
        taker: Person,
        terms: DeskTerms,
        *,
        inbox_id: int,
    ) -> Done:
        now, change = self.now(), begin(action)
        look_at = next_look(change.after, terms.patience, now=now, reminded=0, customer_waits=True)
        made = await handoffs.add(
            tx,
            conversation_id=conversation.id,
            state=change.after,
            why=wish.why,
            customer=wish.customer,
            language=wish.language,
            address=wish.address,
            desk=terms.desk or handoffs.Place(),
            taker=taker,
            now=now,
            due_at=look_at,
        )
        author = taker if action is Action.TAKE else wish.customer if wish.why == "customer" else NOBODY
        await handoffs.note(tx, made.id, action, change.before, change.after, author=author, now=now)
        log.info("handover_began", handover=made.id, why=wish.why, state=change.after.value)
        cancel = await self._apply(tx, made, change, author, terms, action, inbox_id, "")
        return Done(handover=made, change=change, cancel=cancel)

    async def _apply(
        self,
        tx: Transaction,
        handover: Handover,
        change: Change,
        author: Person,
        terms: DeskTerms,
        action: Action,
        inbox_id: int,
        words: str,
    ) -> str:
        """Store what a change brings; return why the running answer ends."""
        cancel = ""
        has_room = bool(handover.desk.platform)
        for effect in change.effects:
            match effect:
                case Effect.SILENCE:
                    cancel = await _silence(tx, handover.conversation_id)
                case Effect.CARD if has_room:
                    await self.put(tx, handover, inbox_id, Kind.CARD, "desk")
                    if action is not Action.ASK:
                        language = ticket_card.language_of_card(handover)
                        told = texts_for_staff.did(language, action.value, author.name or author.id)
                        await self.say(tx, handover, inbox_id, "desk", told)
                case Effect.TELL:
                    told, choices = await self._told(tx, handover, action, terms)
                    await self.say(tx, handover, inbox_id, "customer", words or told, choices)
                case Effect.SEAL if has_room:
                    await self.put(tx, handover, inbox_id, Kind.SEAL, "desk")
                case _:
                    pass
        return cancel

    async def _told(
        self, tx: Transaction, handover: Handover, action: Action, terms: DeskTerms
    ) -> tuple[str, tuple[Choice, ...]]:
        """Return what the customer is told of the state that an action led to."""
        language = ticket_card.language_of_card(handover)
        name = (handover.taker.name or "") if terms.names else ""
        match handover.state, action:
            case State.WAITING, _:
                ahead = await handoffs.ahead_of(tx, handover)
                return texts_for_customers.asked(language, ahead=ahead, away=terms.away), ()
            case State.STAFF, Action.ASK:
                return texts_for_customers.with_staff(language, name), ()
            case State.STAFF, _:
                return texts_for_customers.taken(language, name), ()
            case State.CLOSED, _ if handover.taker.id:
                return texts_for_customers.closed(language), texts_for_customers.rating_buttons(handover.id)
            case State.CLOSED, _:
                return texts_for_customers.closed_unrated(language), ()
            case _:
                return texts_for_customers.back(language), ()

    async def say(
        self,
        tx: Transaction,
        handover: Handover,
        inbox_id: int,
        side: Side,
        text: str,
        choices: tuple[Choice, ...] = (),
    ) -> int:
        """Store a text of ours that is to be shown; return its row's id."""
        return await self.put(tx, handover, inbox_id, Kind.WORDS, side, Content(text=text, choices=choices))

    async def put(
        self,
        tx: Transaction,
        handover: Handover,
        inbox_id: int,
        kind: Kind,
        side: Side,
        content: Content | None = None,
        source: outbox.Source | None = None,
    ) -> int:
        """Store what is to be done for a handover; return its row's id."""
        return await outbox.put(
            tx,
            conversation_id=handover.conversation_id,
            handover_id=handover.id,
            inbox_id=inbox_id,
            kind=kind,
            side=side,
            content=content,
            source=source,
        )


async def _silence(tx: Transaction, conversation_id: int) -> str:
    """End the running answer, and leave what waits for one to people; it is in the history already."""
    running = await turns.ask_to_end(tx, conversation_id, "interrupt")
    await inbox.drop_open(tx, conversation_id, except_ids=[running.inbox_id] if running is not None else [])
    return "interrupt" if running is not None else ""
