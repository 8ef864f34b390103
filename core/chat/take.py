"""Taking a turn: from a conversation's oldest open event to the turn that this process owns."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

import structlog

from core.access import Over, Who
from core.chat.allowance import Allowance
from core.chat.language import Language, language_of
from core.chat.orders.order import Order, command_of_choice
from core.chat.settings import Busy, ChatSettings
from core.clock import Clock
from core.files.policy import unmarked
from core.model import (
    Address,
    CommandName,
    Control,
    Edited,
    Event,
    MessageRef,
    Moved,
    Ordered,
    Pressed,
    Said,
    Scene,
    Unparsed,
)
from core.store import Database, Transaction, Work, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.inbox import Item, Mark
from core.store.turns import Turn

log = structlog.get_logger(__name__)

MOST_MERGED = 40  #: questions that become one at the most
REST_WITHIN_S = 1.0  #: how long the rest of a text is waited for that a client has cut
REST_APART = timedelta(seconds=3)  #: most between two parts of such a text, by the platform's own time


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A turn that this process owns now."""

    turn: Turn
    conversation: Conversation
    said: Said | None  #: the question; None for a command
    order: Order | None  #: the command or choice that the bot itself replies to; None for a question
    event: Event
    address: Address
    asker_id: str
    language: Language
    known: frozenset[str]  #: ids of messages that belong to earlier turns; only after a takeover
    attempts: int
    received_at: datetime  #: when the event was stored
    over: Over | None = None  #: whose budget is used up: Kimi is not asked


class Taker:
    """Takes turns; ``platforms`` are those that this process can show answers on."""

    def __init__(
        self, database: Database, clock: Clock, *, platforms: Collection[str], settings: ChatSettings
    ) -> None:
        self._database = database
        self._clock = clock
        self._platforms = platforms
        self._busy = settings.busy
        self._access = settings.access
        self._allowance = Allowance(settings.access, settings.budgets)

    async def take(self, work: Work, *, seen: int = 0) -> Taken | None:
        """Take the oldest open event's turn; None where nothing is open that we can answer.

        Where a client has cut a long text into messages, its rest is waited for; ``seen`` says how
        many events were there before the last wait.

        Raises:
            StoreUnavailable: nothing was taken.
        """
        async with self._database.begin() as tx:
            conversation = await conversations.get(tx, work.conversation_id)
            if conversation.key.platform not in self._platforms:
                return None  # another process serves that platform, or none does today
            items = await inbox.open_items(tx, work, limit=MOST_MERGED)
            if not items:
                return None
            unfinished = len(items) > seen and _more_follows(items[-1].event)
            taken = None if unfinished else await self._take_first(tx, conversation, items)
        if unfinished:
            await self._clock.sleep(REST_WITHIN_S)
            return await self.take(work, seen=len(items))
        return taken if taken is not None else await self.take(work)

    async def _take_first(
        self, tx: Transaction, conversation: Conversation, items: Sequence[Item]
    ) -> Taken | None:
        """Take the first event's turn; None where it cannot be answered, and is closed."""
        first = items[0]
        await inbox.count_attempt(tx, first.id)
        taken = await self._take_item(tx, conversation, items)
        if taken is None:
            await inbox.mark(tx, [first.id], Mark.SKIPPED)
            log.warning("event_skipped", inbox=first.id, kind=type(first.event).__name__)
        return taken

    async def _take_item(
        self, tx: Transaction, conversation: Conversation, items: Sequence[Item]
    ) -> Taken | None:
        item = items[0]
        asks = isinstance(item.event, Said | Edited) or _repeats(item.event)
        if asks and (over := await self._allowance.over(tx, _who(conversation, item.event), item.id)):
            return await self._take_refused(tx, conversation, item, over)
        match item.event:
            case Said() as said:
                seq = self._merged_seq(items)
                turn = await turns.take(
                    tx,
                    conversation_id=conversation.id,
                    inbox_id=item.id,
                    seq=seq,
                    asker_id=said.author.id,
                )
                said = _spokesman([one.event for one in items if one.id <= turn.seq]) or said
            case Ordered(command=CommandName.RETRY) | Pressed(control=Control()) | Edited():
                return await self._take_again(tx, conversation, item, item.event)
            case Ordered() | Pressed():
                return await self._take_order(tx, conversation, item, item.event)
            case _:
                return None
        return await self._taken(tx, turn, conversation, item, said=said, source=said)

    async def _take_refused(
        self, tx: Transaction, conversation: Conversation, item: Item, over: Over
    ) -> Taken | None:
        """Take a question whose person may not ask now; None where that was told today."""
        event = item.event
        if not isinstance(event, Said | Edited | Ordered | Pressed):
            return None
        if not await self._allowance.tells(tx, _who(conversation, event), item.id):
            return None
        turn = await turns.take(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=item.id,
            asker_id=event.author.id,
            notice=True,
        )
        taken = await self._taken(tx, turn, conversation, item, said=None, source=event)
        return replace(taken, over=over)

    async def _take_order(
        self, tx: Transaction, conversation: Conversation, item: Item, event: Ordered | Pressed
    ) -> Taken | None:
        """Take a command, or a choice: its reply takes the place of the choices."""
        match event:
            case Ordered(command=command, argument=argument):
                refs: tuple[MessageRef, ...] = ()
            case _ if (known := command_of_choice(event.choice)) is not None:
                command, argument = known
                refs = (MessageRef(channel=conversation.key.channel, message_id=event.message_id),)
            case _:
                return None
        turn = await turns.take(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=item.id,
            asker_id=event.author.id,
            refs=refs,
            notice=True,
        )
        taken = await self._taken(tx, turn, conversation, item, said=None, source=event)
        admin = self._access.is_admin(_who(conversation, event))
        order = Order(
            command=command,
            argument=argument,
            conversation=conversation,
            author=event.author,
            scene=conversation.scene,
            language=taken.language,
            is_admin=admin or conversation.scene is Scene.DIRECT,
            chosen=isinstance(event, Pressed),
            quoted=event.quoted if isinstance(event, Ordered) else None,
            attachments=event.attachments if isinstance(event, Ordered) else (),
        )
        return replace(taken, order=order)

    def _merged_seq(self, items: Sequence[Item]) -> int:
        """Return the id of the last event that becomes one question with the first."""
        seq = items[0].id
        for before, item in pairwise(items):
            merges = self._busy is Busy.MERGE and isinstance(item.event, Said)
            if not (merges or _is_rest(item.event, before.event)):
                break
            seq = item.id
        return seq

    async def _take_again(
        self, tx: Transaction, conversation: Conversation, item: Item, order: Ordered | Pressed | Edited
    ) -> Taken:
        """Take the earlier turn's question once more, to be shown in the earlier turn's messages."""
        before = await turns.latest(tx, conversation.id, before_inbox_id=item.id)
        said = None if before is None else await inbox.event_of(tx, before.seq)
        if before is None or not isinstance(said, Said) or before.seq <= conversation.history_after:
            before, said = None, None
        goes_on = isinstance(order, Pressed) and order.control is Control.CONTINUE and before is not None
        turn = await turns.take(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=before.seq if before is not None else item.id,
            asker_id=said.author.id if said is not None else order.author.id,
            refs=before.refs if before is not None else (),
            partial=await history.answer_to(tx, conversation.id, before.seq) if goes_on and before else "",
            notice=before is None,
        )
        return await self._taken(tx, turn, conversation, item, said=said, source=said or order)

    async def _taken(
        self,
        tx: Transaction,
        turn: Turn,
        conversation: Conversation,
        item: Item,
        *,
        said: Said | None,
        source: Said | Ordered | Pressed | Edited,
    ) -> Taken:
        known: frozenset[str] = frozenset()
        if turn.run > 1:
            own = {ref.message_id for ref in turn.refs}
            known = await conversations.known_refs(tx, conversation.id) - own
        text = source.text if isinstance(source, Said) else ""
        if not text:
            lines = await history.recent(tx, conversation.id, after_seq=-1, up_to_seq=item.id, max_lines=2)
            text = " ".join(unmarked(line.text) for line in lines)
        return Taken(
            turn=turn,
            conversation=conversation,
            said=said,
            order=None,
            event=item.event,
            address=source.address,
            asker_id=source.author.id,
            language=language_of(text, source.author.language),
            known=known,
            attempts=item.attempts + 1,
            received_at=item.received_at,
        )


def _repeats(event: Event) -> bool:
    match event:
        case Ordered(command=CommandName.RETRY) | Pressed(control=Control()):
            return True
        case _:
            return False


def _who(conversation: Conversation, event: Event) -> Who:
    key = conversation.key
    person_id = "" if isinstance(event, Moved | Unparsed) else event.author.id
    return Who(platform=key.platform, tenant=key.tenant, channel=key.channel, person_id=person_id)


def _more_follows(event: Event) -> bool:
    return isinstance(event, Said) and (event.more_follows or event.album != "")


def _spokesman(asked: Sequence[Event]) -> Said | None:
    """Return the message that stands for several: the last, or the one of an album that has words."""
    said = [event for event in asked if isinstance(event, Said)]
    spoken = [event for event in said if event.text.strip() or not event.album]
    return next(reversed(spoken or said), None)


def _is_rest(event: Event, before: Event) -> bool:
    """Tell whether a message is the rest of the text, or of the album, that the one before is of."""
    match before, event:
        case Said(album=album), Said(album=same) if album:
            return album == same
        case Said(more_follows=True), Said():
            soon = abs(event.sent_at - before.sent_at) <= REST_APART
            return soon and event.author.id == before.author.id
        case _:
            return False
