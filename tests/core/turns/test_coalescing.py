"""Which waiting events are worked on together, and which next."""

from datetime import timedelta

from core.chat_policy import ChatRules
from core.domain.command_names import CommandName
from core.domain.events import Event
from core.store.inbox import InboxItem
from core.turns.coalescing import (
    CONTINUATION_WAIT_S,
    coalesce,
    next_command,
    remaining_wait_s,
    representative,
)
from tests.event_builders import ANN, BOB, START, direct_chat, group_chat, picture


def items(*events: Event) -> list[InboxItem]:
    """Return open items of these events."""
    return [InboxItem(id=number, event=event, received_at=START) for number, event in enumerate(events, 1)]


def test_the_parts_of_a_cut_text_are_one_question() -> None:
    """A client cuts long texts; parts that follow within seconds belong together, other people's do not."""
    chat = direct_chat()
    first = chat.message("long", maybe_truncated=True)
    second = chat.message("rest")
    assert len(coalesce(items(first, second), None, merge_all=False)) == 2
    assert len(coalesce(items(first, chat.message("other", author=BOB)), None, merge_all=False)) == 1
    chat.wait(10)
    assert len(coalesce(items(first, chat.message("later")), None, merge_all=False)) == 1


def test_an_album_is_one_question() -> None:
    """Its pictures arrive one by one; the one with text represents it."""
    chat = direct_chat()
    album = [
        chat.message(text, media_group_id="7", attachments=(picture(),)) for text in ("", "What is this?", "")
    ]
    together = coalesce(items(*album, chat.message("more")), None, merge_all=False)
    assert len(together) == 3
    assert representative(together) is album[1]


def test_waiting_messages_are_merged_if_it_is_set() -> None:
    """With merge, everything that waits becomes one question, until a command."""
    chat = direct_chat()
    waiting = items(chat.message("one"), chat.message("two"), chat.command(CommandName.RETRY))
    assert len(coalesce(waiting, None, merge_all=True)) == 2
    assert len(coalesce(waiting, None, merge_all=False)) == 1


def test_a_burst_is_waited_for_in_chats_with_rules() -> None:
    """The wait begins with the newest message and ends once the messages are old."""
    chat = group_chat()
    rules = ChatRules(gather_s=1.5)
    one = items(chat.message("Hello"))
    assert remaining_wait_s(one, one, rules, now=START) == 1.5
    assert remaining_wait_s(one, one, rules, now=START + timedelta(seconds=10)) == 0.0
    assert remaining_wait_s(one, one, None, now=START) == 0.0
    cut = items(chat.message("long", maybe_truncated=True))
    assert remaining_wait_s(cut, cut, None, now=START) == CONTINUATION_WAIT_S


def test_a_person_s_commands_wait_behind_those_of_others() -> None:
    """Bob's one command is not behind all of Ann's; each person's own stay in order."""
    chat = group_chat()
    waiting = items(
        *(chat.command(CommandName.HELP, author=ANN) for _ in range(4)),
        chat.command(CommandName.USAGE, author=BOB),
        chat.command(CommandName.HELP, author=BOB),
    )
    order = []
    while waiting:
        item = next_command(waiting)
        order.append(item.id)
        waiting.remove(item)
    assert order == [5, 6, 1, 2, 3, 4]
