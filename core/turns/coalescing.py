"""Which waiting messages are one question. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from core.chat_policy import ChatRules
from core.domain.events import Event, Said
from core.inbound.group_policy import near
from core.store.inbox import Item

REST_WITHIN_S = 1.0  #: how long the rest of a text is waited for that a client has cut
REST_APART = timedelta(seconds=3)  #: most between two parts of such a text, by the platform's own time


def one_question(items: Sequence[Item], found: ChatRules | None, *, merges: bool) -> list[Item]:
    """Return the items that become one question with the first, in order.

    With ``merges`` all messages that wait do; by a chat's rules those that one person sent one right
    after the other; by themselves the parts of a text, or of an album.
    """
    asked = list(items[:1])
    for before, item in pairwise(items):
        merged = merges and isinstance(item.event, Said)
        if not (merged or _is_rest(item.event, before.event) or _is_burst(item.event, before.event, found)):
            break
        asked.append(item)
    return asked


def wait_s(items: Sequence[Item], asked: Sequence[Item], found: ChatRules | None, *, now: datetime) -> float:
    """Return how long more of a question is to be waited for; 0 where it is whole."""
    last = items[-1]
    if not isinstance(last.event, Said):
        return 0.0
    rest_s = REST_WITHIN_S if last.event.more_follows or last.event.album else 0.0
    if found is None or asked[-1] is not last or (now - last.received_at).total_seconds() > found.gather_s:
        return rest_s
    return max(rest_s, found.gather_s)


def spokesman(asked: Sequence[Item]) -> Said | None:
    """Return the message that stands for several: the last, or the one of an album that has words."""
    said = [item.event for item in asked if isinstance(item.event, Said)]
    spoken = [event for event in said if event.text.strip() or not event.album]
    return next(reversed(spoken or said), None)


def _is_burst(event: Event, before: Event, found: ChatRules | None) -> bool:
    if found is None or not isinstance(event, Said) or not isinstance(before, Said):
        return False
    return near(before, event, found.gather_s)


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
