"""Coalescing: which waiting messages are one question. Pure."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from core.chat_policy import ChatRules
from core.domain.addresses import ChatType
from core.domain.events import Event, MessageReceived, PersonEvent
from core.inbound.forwards import FORWARD_MAX_GAP
from core.inbound.group_policy import in_same_burst
from core.store.inbox import InboxItem

CONTINUATION_WAIT_S: Final = 1.0  #: for the rest of a text that a client has cut
CONTINUATION_MAX_GAP: Final = timedelta(seconds=3)  #: between two parts of one, by the platform's clock

COMMENT_MAX_GAP: Final = timedelta(seconds=6)  #: between forwarded messages and words about them
COMMENT_WAIT_S: Final = 5.0  #: for a person's own words after forwarded ones
COMMENT_WAIT_STEP_S: Final = 0.5  #: after which it is looked whether they have come


def coalesce(items: Sequence[InboxItem], rules: ChatRules | None, *, merge_all: bool) -> list[InboxItem]:
    """Return the items that are one question with the first one, in order.

    With ``merge_all`` these are all waiting messages. By a chat's rules they are the messages that one
    person sent in quick succession. Otherwise they are the parts of one text or media group.
    """
    coalesced = list(items[:1])
    for before, item in pairwise(items):
        merged = merge_all and isinstance(item.event, MessageReceived)
        if not (
            merged or _is_continuation(item.event, before.event) or _is_burst(item.event, before.event, rules)
        ):
            break
        coalesced.append(item)
    return coalesced


def next_command(items: Sequence[InboxItem]) -> InboxItem:
    """Return the item to reply to next: the oldest of the person with the fewest open ones.

    So nobody waits for another's many commands.

    Args:
        items: all open commands and presses, oldest first; not empty.
    """
    counts = Counter(_author_id(item) for item in items)
    return min(items, key=lambda item: counts[_author_id(item)])


def remaining_wait_s(
    items: Sequence[InboxItem], coalesced: Sequence[InboxItem], rules: ChatRules | None, *, now: datetime
) -> float:
    """Return for how many seconds more of a question may arrive; 0 if it is complete.

    Args:
        items: all open items, oldest first.
        coalesced: those of them that are the question so far.
        rules: the chat's rules, if it has any.
        now: the present, on the clock of ``received_at``.
    """
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


def awaits_comment(items: Sequence[InboxItem]) -> bool:
    """Return whether a direct conversation's question consists of forwarded messages without own words."""
    return all(
        isinstance(item.event, MessageReceived)
        and item.event.chat_type is ChatType.DIRECT
        and item.event.forwarded_from is not None
        for item in items
    )


def messages_of(items: Sequence[InboxItem]) -> list[MessageReceived]:
    """Return the messages among inbox items, in order."""
    return [item.event for item in items if isinstance(item.event, MessageReceived)]


def representative(items: Sequence[InboxItem]) -> MessageReceived | None:
    """Return the message that represents a question: the last in its author's own words, if there is one."""
    messages = messages_of(items)
    own_words = [message for message in messages if message.text.strip() and message.forwarded_from is None]
    answerable = [message for message in messages if message.content.is_answerable]
    return next(reversed(own_words or answerable or messages), None)


def _is_burst(event: Event, previous: Event, rules: ChatRules | None) -> bool:
    if rules is None or not isinstance(event, MessageReceived) or not isinstance(previous, MessageReceived):
        return False
    return in_same_burst(previous, event, rules.gather_s)


def _is_continuation(event: Event, previous: Event) -> bool:
    """Return whether a message belongs to the same cut text, media group or forwards as the one before it."""
    if not isinstance(event, MessageReceived) or not isinstance(previous, MessageReceived):
        return False
    if previous.media_group_id and previous.media_group_id == event.media_group_id:
        return True
    if previous.author.id != event.author.id:
        return False
    gap = abs(event.sent_at - previous.sent_at)
    if previous.maybe_truncated and gap <= CONTINUATION_MAX_GAP:
        return True
    if previous.forwarded_from is not None:
        return gap <= COMMENT_MAX_GAP
    return event.forwarded_from is not None and gap <= FORWARD_MAX_GAP


def _author_id(item: InboxItem) -> str:
    return item.event.author.id if isinstance(item.event, PersonEvent) else ""
