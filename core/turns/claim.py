"""From an open event to the turn that this process owns: a question, a command, a welcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from core.access import Over, Who
from core.chat_policy import ChatRules
from core.chat_settings import ChatSettings
from core.commands.command import Order, command_of_choice
from core.domain.events import (
    Address,
    CommandName,
    Control,
    Edited,
    Event,
    Joined,
    MessageRef,
    Moved,
    Ordered,
    Pressed,
    Said,
    Scene,
    Unparsed,
)
from core.files.policy import unmarked
from core.inbound.group_policy import tell_closed
from core.store import Transaction, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.inbox import Item
from core.store.open_work import Background
from core.store.turns import Turn
from core.text.language import Language, language_of
from core.turns.coalescing import spokesman
from core.turns.quota import Allowance

log = structlog.get_logger(__name__)


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
    received_at: datetime  #: when the event was stored
    background: Background = field(default_factory=Background)  #: what the store holds for its answer
    over: Over | None = None  #: whose budget is used up: Kimi is not asked
    own: str = ""  #: what the bot itself says by the chat's rules, in Markdown: Kimi is not asked


class Opener:
    """Takes the turns of events, within a deployment's budgets."""

    def __init__(self, settings: ChatSettings) -> None:
        self._access = settings.access
        self._allowance = Allowance(settings.access, settings.budgets)

    async def open(
        self,
        tx: Transaction,
        conversation: Conversation,
        asked: Sequence[Item],
        background: Background,
    ) -> Taken | None:
        """Take the turn of events that are one; None where there is nothing to answer."""
        found = background.group_rules
        taken = await self._take_item(tx, conversation, asked, found)
        if taken is None:
            return None
        taken = replace(taken, background=background)
        return taken if found is None else _speaking(taken, found)

    async def _take_item(
        self, tx: Transaction, conversation: Conversation, asked: Sequence[Item], found: ChatRules | None
    ) -> Taken | None:
        item = asked[0]
        asks = isinstance(item.event, Said | Edited) or _repeats(item.event)
        who = _who(conversation, item.event)
        if asks and (over := await self._allowance.over(tx, who, item, rules=found)):
            return await self._take_refused(tx, conversation, item, over)
        match item.event:
            case Said() as said:
                return await self._take_said(tx, conversation, asked, said, found)
            case Joined() as joined:
                return await self._take_joined(tx, conversation, item, joined, found)
            case Ordered(command=CommandName.RETRY) | Pressed(control=Control()) | Edited():
                return await self._take_again(tx, conversation, item, item.event)
            case Ordered() | Pressed():
                return await self._take_order(tx, conversation, item, item.event)
            case _:
                return None

    async def _take_said(
        self,
        tx: Transaction,
        conversation: Conversation,
        asked: Sequence[Item],
        said: Said,
        found: ChatRules | None,
    ) -> Taken:
        item = asked[0]
        own = "" if found is None else await tell_closed(tx, conversation.key, found, said, item.id)
        turn = await turns.take(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=asked[-1].id,
            asker_id=said.author.id,
            notice=bool(own),
        )
        said = spokesman([one for one in asked if one.id <= turn.seq]) or said
        return replace(await self._taken(tx, turn, conversation, item, said=said, source=said), own=own)

    async def _take_joined(
        self,
        tx: Transaction,
        conversation: Conversation,
        item: Item,
        joined: Joined,
        found: ChatRules | None,
    ) -> Taken | None:
        """Take a welcome; None where the chat no longer wants one."""
        if found is None or not found.welcome:
            return None
        taken = await self._noticed(tx, conversation, item, joined)
        return replace(taken, own=found.welcome.replace("{name}", joined.author.name))

    async def _take_refused(
        self, tx: Transaction, conversation: Conversation, item: Item, over: Over
    ) -> Taken | None:
        """Take a question whose person may not ask now; None where that was told today."""
        event = item.event
        if not isinstance(event, Said | Edited | Ordered | Pressed):
            return None
        if not await self._allowance.tells(tx, _who(conversation, event), item):
            return None
        return replace(await self._noticed(tx, conversation, item, event), over=over)

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
        taken = await self._noticed(tx, conversation, item, event, refs=refs)
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

    async def _noticed(
        self,
        tx: Transaction,
        conversation: Conversation,
        item: Item,
        source: Said | Ordered | Pressed | Edited | Joined,
        *,
        refs: Sequence[MessageRef] = (),
    ) -> Taken:
        """Take the turn of an event to which the bot itself says something; Kimi is not asked."""
        turn = await turns.take(
            tx,
            conversation_id=conversation.id,
            inbox_id=item.id,
            seq=item.id,
            asker_id=source.author.id,
            refs=refs,
            notice=True,
        )
        return await self._taken(tx, turn, conversation, item, said=None, source=source)

    async def _taken(
        self,
        tx: Transaction,
        turn: Turn,
        conversation: Conversation,
        item: Item,
        *,
        said: Said | None,
        source: Said | Ordered | Pressed | Edited | Joined,
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
    return Who.at(key, person_id)


def _speaking(taken: Taken, found: ChatRules) -> Taken:
    """Return a turn in whose notices the chat's own language is spoken, where it has one."""
    if not found.language:
        return taken
    language = language_of("", found.language)
    order = taken.order and replace(taken.order, language=language)
    return replace(taken, language=language, order=order)
