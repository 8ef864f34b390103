"""Which waiting messages are one question. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from core.chat_policy import ChatRules
from core.domain.events import Event, MessageReceived
from core.inbound.group_policy import in_same_burst
from core.store.inbox import InboxItem

CONTINUATION_WAIT_S = 1.0  #: how long the rest of a text is waited for that a client has cut
CONTINUATION_MAX_GAP = timedelta(
    seconds=3
)  #: most between two parts of such a text, by the platform's own time


def coalesce(items: Sequence[InboxItem], rules: ChatRules | None, *, merge_all: bool) -> list[InboxItem]:
    """Return the items that become one question with the first, in order.

    With ``merges`` all messages that wait do; by a chat's rules those that one person sent one right
    after the other; by themselves the parts of a text, or of an album.
    """
    asked = list(items[:1])
    for before, item in pairwise(items):
        merged = merge_all and isinstance(item.event, MessageReceived)
        if not (
            merged or _is_continuation(item.event, before.event) or _is_burst(item.event, before.event, rules)
        ):
            break
        asked.append(item)
    return asked


def remaining_wait_s(
    items: Sequence[InboxItem], coalesced: Sequence[InboxItem], rules: ChatRules | None, *, now: datetime
) -> float:
    """Return how long more of a question is to be waited for; 0 where it is whole."""
    last = items[-1]
    if not isinstance(last.event, MessageReceived):
        return 0.0
    rest_s = CONTINUATION_WAIT_S if last.event.maybe_truncated or last.event.media_group_id else 0.0
    if (
        rules is None
        or coalesced[-1] is not last
        or (now - last.received_at).total_seconds() > rules.gather_s
    ):
        return rest_s
    return max(rest_s, rules.gather_s)


def representative(items: Sequence[InboxItem]) -> MessageReceived | None:
    """Return the message that stands for several: the last, or the one of an album that has words."""
    said = [item.event for item in items if isinstance(item.event, MessageReceived)]
    spoken = [event for event in said if event.text.strip() or not event.media_group_id]
    return next(reversed(spoken or said), None)


def _is_burst(event: Event, previous: Event, rules: ChatRules | None) -> bool:
    if rules is None or not isinstance(event, MessageReceived) or not isinstance(previous, MessageReceived):
        return False
    return in_same_burst(previous, event, rules.gather_s)


def _is_continuation(event: Event, previous: Event) -> bool:
    """Tell whether a message is the rest of the text, or of the album, that the one before is of."""
    match previous, event:
        case MessageReceived(media_group_id=album), MessageReceived(media_group_id=same) if album:
            return album == same
        case MessageReceived(maybe_truncated=True), MessageReceived():
            soon = abs(event.sent_at - previous.sent_at) <= CONTINUATION_MAX_GAP
            return soon and event.author.id == previous.author.id
        case _:
            return False
