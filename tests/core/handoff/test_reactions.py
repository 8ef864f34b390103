"""Reactions reach the other side: on the message itself, else in words; never what is the team's own."""

from dataclasses import replace
from itertools import count

import pytest

from core.domain.addresses import Address, ChatType, Person
from core.domain.events import ReactionChanged
from core.domain.message_content import ReplyContext
from core.handoff.staff_text import SendMode
from tests.core.handoff.conftest import LIN, Screens, desk_chat, desk_chat_message
from tests.core.handoff.test_copies import on_telegram
from tests.event_builders import ANN, START, Chat, direct_chat

pytestmark = pytest.mark.virtual_time

_numbers = count(1)


def reaction(
    chat: Chat, message_id: str, by: Person, *, added: tuple[str, ...] = (), removed: tuple[str, ...] = ()
) -> ReactionChanged:
    """Return what a platform tells of a reaction: the room and the message, and no thread."""
    return ReactionChanged(
        delivery_id=f"reaction:{chat.channel}:{next(_numbers)}",
        message_id=message_id,
        address=Address(key=chat.key()),
        author=by,
        sent_at=START,
        chat_type=ChatType.GROUP,
        added=added,
        removed=removed,
    )


async def both_wrote(screens: Screens) -> tuple[str, str]:
    """Let Ann and Lin write to each other; return the ids of Ann's copy at the desk and Lin's with Ann."""
    screens.model.replies = ["A summary."]
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    await screens.ingest(desk_chat_message(thread, "Is it A1?", LIN))
    await screens.ingest(replace(direct_chat().message("Yes"), message_id="77", delivery_id="message:1:77"))
    await screens.settle()
    ours = next(one for one in screens.slack.screen.messages.values() if one.text == "**Ann:** Yes")
    theirs = next(
        one for one in screens.telegram.screen.messages.values() if one.text == "**Lin:** Is it A1?"
    )
    return ours.message_id, theirs.message_id


async def test_reactions_are_put_on_the_messages_themselves(screens: Screens) -> None:
    """Either side's reaction to a copy appears on the original, and goes when it is taken away."""
    ours, theirs = await both_wrote(screens)
    rooms = screens.platforms.rooms
    before = (screens.telegram.screen.texts, screens.slack.screen.texts)
    await screens.ingest(reaction(desk_chat(), ours, LIN, added=("👍",)))
    await screens.ingest(reaction(direct_chat(), theirs, ANN, added=("🎉", "🔥")))
    await screens.settle()
    assert rooms["telegram"].reactions == {"77": ["👍"]}  # type: ignore[attr-defined]
    (at_desk,) = rooms["slack"].reactions.values()  # type: ignore[attr-defined]
    assert at_desk == ["🎉", "🔥"]

    await screens.ingest(reaction(desk_chat(), ours, LIN, removed=("👍",)))
    await screens.ingest(reaction(direct_chat(), theirs, ANN, removed=("🎉",), added=("👏",)))
    await screens.settle()
    assert rooms["telegram"].reactions == {"77": []}  # type: ignore[attr-defined]
    assert at_desk != rooms["slack"].reactions  # type: ignore[attr-defined]
    assert list(rooms["slack"].reactions.values()) == [["🔥", "👏"]]  # type: ignore[attr-defined]
    assert (screens.telegram.screen.texts, screens.slack.screen.texts) == before


async def test_a_reaction_that_the_platform_does_not_offer_is_said_in_words(screens: Screens) -> None:
    """Telegram has 73 reactions and Slack all emoji: the rest is a reply; taken away, it is not said."""
    ours, _ = await both_wrote(screens)
    await screens.ingest(reaction(desk_chat(), ours, LIN, added=("🫥",)))
    await screens.settle()
    shown = list(screens.telegram.screen.messages.values())[-1]
    assert (shown.text, shown.reply_to) == ("**Lin:** 🫥", "77")
    said = screens.telegram.screen.texts
    await screens.ingest(reaction(desk_chat(), ours, LIN, removed=("🫥",)))
    await screens.settle()
    assert screens.telegram.screen.texts == said


async def test_reactions_within_one_side_stay_there(screens: Screens) -> None:
    """A reaction to a colleague's words, to a note, to the card or to one's own message is nobody else's."""
    await both_wrote(screens)
    card = next(iter(screens.slack.screen.messages.values())).message_id
    for message_id in ("d1", "unknown", card):
        await screens.ingest(reaction(desk_chat(), message_id, LIN, added=("👍",)))
    await screens.ingest(reaction(direct_chat(), "77", ANN, added=("👍",)))
    await screens.settle()
    assert screens.platforms.rooms["telegram"].reactions == {}  # type: ignore[attr-defined]
    assert screens.platforms.rooms["slack"].reactions == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("case", ["marked", "ended"])
async def test_no_reaction_leaves_a_desk_that_sends_marked_text_or_has_ended(
    screens: Screens, case: str
) -> None:
    """A reaction carries no mark; and a closed conversation is over."""
    ours, _ = await both_wrote(screens)
    if case == "marked":
        screens.configure(send_mode=SendMode.MARKED)
    else:
        await screens.ingest(desk_chat_message((await screens.handoff()).desk_thread, "/close", LIN))
    await screens.settle()
    await screens.ingest(reaction(desk_chat(), ours, LIN, added=("👍",)))
    await screens.settle()
    assert screens.platforms.rooms["telegram"].reactions == {}  # type: ignore[attr-defined]


async def test_between_telegram_chats_too(screens: Screens) -> None:
    """The copies and the originals are of one platform, and their numbers are not mixed up."""
    chat, desk, topic = await on_telegram(screens)
    said = chat.message("Which one?")
    await screens.ingest(said)
    await screens.settle()
    copy = next(one for one in screens.telegram.screen.messages.values() if one.text == "**Ann:** Which one?")
    quoted = ReplyContext(message_id=copy.message_id, author="", text="")
    await screens.ingest(desk.message("A1", author=LIN, thread=topic, quoted=quoted))
    await screens.ingest(reaction(desk, copy.message_id, LIN, added=("👀",)))
    await screens.settle()
    assert screens.topics.reactions == {said.message_id: ["👀"]}
