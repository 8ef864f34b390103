"""Messages of one delivery that a person sent as one."""

from datetime import timedelta
from typing import Any

import pytest

from bots.telegram.batches import group_messages
from core.domain.command_names import CommandName
from core.domain.events import Event, Mention, MessageReceived
from core.domain.message_content import ForwardOrigin
from tests.event_builders import ANN, BOB, Chat, direct_chat, group_chat

NEWS = ForwardOrigin(channel="News")


def groups_of(*events: Event) -> list[str]:
    """Return the media group of each event of one delivery, one update each."""
    grouped = [event for (event,) in group_messages([[event] for event in events])]
    assert [event.delivery_id for event in grouped] == [event.delivery_id for event in events]
    return [event.media_group_id if isinstance(event, MessageReceived) else "-" for event in grouped]


@pytest.mark.parametrize("chat", [direct_chat(), group_chat()])
@pytest.mark.parametrize(
    "others",
    [
        [{"forwarded_from": NEWS}],
        [{"forwarded_from": NEWS}, {"forwarded_from": NEWS}, {"forwarded_from": NEWS}],
        [{}],
    ],
)
def test_a_comment_and_what_follows_in_the_same_second_are_one(
    chat: Chat, others: list[dict[str, Any]]
) -> None:
    """Telegram clients send a comment and its forwards at once."""
    first = chat.message("is this true?", mention=Mention.BY_NAME)
    rest = [chat.message("Prices rise", **more) for more in others]
    assert set(groups_of(first, *rest)) == {f"{chat.channel}:sent:{first.message_id}"}


def test_words_beside_an_album_join_it() -> None:
    """The album's own id is kept, as later parts of it may come in another delivery."""
    chat = direct_chat()
    words, *album = chat.message("which one?"), *(chat.message("", media_group_id="1:99") for _ in range(2))
    assert groups_of(words, *album) == ["1:99"] * 3


def test_messages_that_address_nobody_are_no_group() -> None:
    """Of what the bot only overhears nothing is kept, but for the parts of a group that may address it."""
    chat = group_chat()
    assert groups_of(chat.message("a"), chat.message("b")) == ["", ""]
    named = chat.message("c", mention=Mention.BY_NAME)
    assert set(groups_of(chat.message("a"), chat.message("b"), named)) != {""}


def test_two_albums_stay_two() -> None:
    """Each has its own id."""
    chat = direct_chat()
    assert groups_of(*(chat.message("", media_group_id=group) for group in ("1:1", "1:1", "1:2"))) == [
        "1:1",
        "1:1",
        "1:2",
    ]


def test_others_orders_other_chats_and_later_messages_are_apart() -> None:
    """Only what one person sent to one place at once is one."""
    chat, other = group_chat(), direct_chat()
    assert groups_of(chat.message("a"), chat.message("b", author=BOB), chat.message("c")) == ["", "", ""]
    assert groups_of(chat.message("a"), chat.command(CommandName.NEW), chat.message("c")) == ["", "-", ""]
    assert groups_of(other.message("a"), direct_chat(BOB).message("b", author=ANN)) == ["", ""]
    first = other.message("a")
    other.now += timedelta(seconds=2)
    assert groups_of(first, other.message("b")) == ["", ""]
    forum = Chat(channel="-1")
    assert groups_of(forum.message("a", thread="5"), forum.message("b", thread="6")) == ["", ""]
