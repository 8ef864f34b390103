"""Taking in what people say and change, and who comes to a chat; by the chat's rules if it has any."""

from collections.abc import Sequence

from core.chat_policy import Verdict
from core.domain.events import Addressed, Edited, Event, Joined, Said
from core.inbound.group_policy import Hearing, hear, hushed
from core.inbound.handler import Admitted
from core.inbound.history_writer import gather, remember, reworded
from core.store import Lane, Transaction, Work, chat_members, conversations, history, inbox, turns
from core.store.conversations import Conversation
from core.store.event_context import Arrival
from core.store.inbox import Mark, Sibling
from core.text.tokens import estimate_tokens


async def take_in(
    tx: Transaction, event: Said, arrival: Arrival, *, by_staff: bool, interrupt: bool
) -> Admitted | None:
    """Store what somebody said, where it concerns us; ``interrupt`` ends the running answer."""
    found = arrival.group_rules
    if found is None:
        return await _said(tx, event, arrival, interrupt=interrupt)
    hearing = await hear(tx, event, found, arrival, by_staff=by_staff)
    return await _said_by_rules(tx, hearing, interrupt=interrupt and hearing.verdict is Verdict.ANSWER)


async def welcome(tx: Transaction, event: Joined, arrival: Arrival) -> Admitted | None:
    """Let somebody who comes into a chat for the first time be welcomed, where its rules say so."""
    key, found = event.address.key, arrival.group_rules
    if found is None or not found.welcome:
        return None
    conversation = await conversations.ensure(tx, key, event.scene)
    seq = await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.ORDERS, mark=Mark.OPEN)
    if seq is None:
        return None
    if not await chat_members.welcome(tx, key, event.author.id, seq=seq):
        await inbox.mark(tx, [seq], Mark.NOTED)
        return Admitted()
    return Admitted(Work(conversation.id, Lane.ORDERS))


async def change(tx: Transaction, event: Edited, *, answers: bool) -> Admitted | None:
    """Change words that were said; with ``answers`` the latest question is answered anew."""
    conversation = await conversations.by_message(tx, event.address.key, event.message_id)
    line = None if conversation is None else await history.said(tx, conversation.id, event.message_id)
    if conversation is None or line is None:
        return None
    original = await inbox.event_of(tx, line.seq)
    text = reworded(event.text, original, stored=line.text)
    if text == line.text:
        return None  # changed in a way that changes no word: a link preview, a pin
    latest = await turns.latest(tx, conversation.id)
    # Several messages may have become one question.
    asked = latest is not None and min(latest.inbox_id, latest.seq) <= line.seq <= latest.seq
    again = answers and asked and not await hushed(tx, conversation, event.sent_at)
    mark = Mark.OPEN if again else Mark.NOTED
    seq = await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.TURNS, mark=mark)
    if seq is None:
        return None
    await history.reword(tx, conversation.id, event.message_id, text, estimate_tokens(text))
    if not again:
        return Admitted()
    running = await turns.ask_to_end(tx, conversation.id, "retry")
    return Admitted(Work(conversation.id, Lane.TURNS), "retry" if running is not None else "")


async def close(tx: Transaction, event: Event, mark: Mark) -> Admitted | None:
    """Store an event that asks for no work; None where it was stored before."""
    seq = await inbox.add(tx, event, conversation_id=None, lane=Lane.TURNS, mark=mark)
    return None if seq is None else Admitted()


async def _said(tx: Transaction, event: Said, arrival: Arrival, *, interrupt: bool) -> Admitted | None:
    key, goes_on = event.address.key, arrival.replied
    siblings, album = await _album(tx, event)
    known = goes_on or arrival.conversation
    if album is not None and album.conversation_id is not None:
        known = await conversations.get(tx, album.conversation_id)
    if known is None and event.addressed is Addressed.OVERHEARD:
        # One of its pictures may still name us; then all of them are the question.
        return await close(tx, event, Mark.NOTED) if event.album else None
    wanted = event.addressed is not Addressed.OVERHEARD
    if not wanted and known is not None:
        # Somebody else's conversation goes on without us until we are mentioned.
        others = await history.speakers(tx, known.id) - {event.author.id}
        wanted = event.continues and not others and event.unreadable is None
        wanted = wanted or (album is not None and album.state in (Mark.OPEN, Mark.DONE))
    conversation = known or await conversations.ensure(tx, key, event.scene)
    if not wanted:
        return await _noted(tx, event, conversation, quotes=goes_on is None)
    return await _opened(tx, event, conversation, siblings, quotes=goes_on is None, interrupt=interrupt)


async def _said_by_rules(tx: Transaction, hearing: Hearing, *, interrupt: bool) -> Admitted | None:
    event, conversation = hearing.said, hearing.conversation
    siblings, album = await _album(tx, event)
    wanted = hearing.verdict is not Verdict.NOTE
    if album is not None and album.conversation_id is not None:
        conversation = await conversations.get(tx, album.conversation_id)
        wanted = wanted or album.state in (Mark.OPEN, Mark.DONE)
    if conversation is None and not wanted:
        return await close(tx, event, Mark.NOTED) if event.album else None
    conversation = conversation or await conversations.ensure(tx, event.address.key, event.scene)
    quotes = not hearing.continued
    if not wanted:
        return await _noted(tx, event, conversation, quotes=quotes)
    await chat_members.spoke_in(tx, event.address.key, event.author.id, conversation.id)
    return await _opened(tx, event, conversation, siblings, quotes=quotes, interrupt=interrupt)


async def _album(tx: Transaction, event: Said) -> tuple[Sequence[Sibling], Sibling | None]:
    """Return the messages that are of one saying with this one, and the last that has a conversation."""
    siblings = await inbox.siblings(tx, event)
    return siblings, next((one for one in reversed(siblings) if one.conversation_id is not None), None)


async def _noted(
    tx: Transaction, event: Said, conversation: Conversation, *, quotes: bool
) -> Admitted | None:
    """Store words that become history and ask for no answer."""
    seq = await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.TURNS, mark=Mark.NOTED)
    if seq is None:
        return None
    await remember(tx, event, conversation, seq, quotes=quotes)
    return Admitted()


async def _opened(
    tx: Transaction,
    event: Said,
    conversation: Conversation,
    siblings: Sequence[Sibling],
    *,
    quotes: bool,
    interrupt: bool,
) -> Admitted | None:
    """Store words that are to be answered."""
    seq = await inbox.add(tx, event, conversation_id=conversation.id, lane=Lane.TURNS, mark=Mark.OPEN)
    if seq is None:
        return None
    await remember(tx, event, conversation, seq, quotes=quotes)
    await gather(tx, siblings, conversation)
    cancel = ""
    if interrupt and await turns.ask_to_end(tx, conversation.id, "interrupt"):
        cancel = "interrupt"
    return Admitted(Work(conversation.id, Lane.TURNS), cancel)
