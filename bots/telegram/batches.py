"""Groups the messages of one delivery that a person sent as one. Pure.

Clients send a comment together with the messages that it forwards, and an album together with words; each
arrives as an update of its own, within the same second. They are given one media group, so that they
become one question, whichever of them names the bot.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Final

from core.domain.events import Event, Mention, MessageReceived

MAX_GAP: Final = timedelta(
    seconds=1
)  #: between two messages sent at once; Telegram's dates are whole seconds


def group_messages(batch: Sequence[Sequence[Event]]) -> list[list[Event]]:
    """Return the events of a delivery, one list for each update, with the media groups that they form.

    Only neighbours are grouped: a message of somebody else, an order or another topic ends a group.
    """
    flat = [event for events in batch for event in events]
    groups: dict[int, str] = {}
    run: list[int] = []
    for at, (before, event) in enumerate(pairwise(flat), 1):
        if _sent_as_one(before, event):
            run = [*(run or [at - 1]), at]
            groups |= _name_group(flat, run)
        else:
            run = []
    named = iter(
        replace(event, media_group_id=groups[at])
        if at in groups and isinstance(event, MessageReceived)
        else event
        for at, event in enumerate(flat)
    )
    return [[next(named) for _ in events] for events in batch]


def _sent_as_one(before: Event, event: Event) -> bool:
    """Return whether two neighbouring messages were sent at once by one person to one place."""
    if not isinstance(before, MessageReceived) or not isinstance(event, MessageReceived):
        return False
    if before.media_group_id and event.media_group_id and before.media_group_id != event.media_group_id:
        return False
    return (
        before.author.id == event.author.id
        and before.address.key.channel == event.address.key.channel
        and _topic(before) == _topic(event)
        and abs(event.sent_at - before.sent_at) <= MAX_GAP
    )


def _topic(event: MessageReceived) -> str:
    """Return the topic of a message; replies do not make topics."""
    return "" if event.threads_by_reply else event.address.key.thread


def _name_group(events: Sequence[Event], run: Sequence[int]) -> dict[int, str]:
    """Return the group's id for each index of a run: an album's own id if there is one.

    Messages of which none addresses the bot get none: core keeps nothing of what it only overhears, but for
    the parts of a group.
    """
    messages = [event for event in (events[at] for at in run) if isinstance(event, MessageReceived)]
    if all(message.mention is Mention.NONE for message in messages):
        return {}
    albums = [message.media_group_id for message in messages if message.media_group_id]
    first = messages[0]
    group = albums[0] if albums else f"{first.address.key.channel}:sent:{first.message_id}"
    return dict.fromkeys(run, group)
