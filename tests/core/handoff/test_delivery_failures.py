"""A desk that breaks after a handoff began: nobody is left to wait in silence."""

import pytest

from core.chat_policy import ChatRules
from core.domain.command_names import CommandName
from core.domain.errors import PlatformForbidden, PlatformRefused
from core.domain.handoff_state import HandoffState
from core.store import rules
from core.store.handoffs import DeskRoom
from tests.core.handoff.conftest import LIN, Screens, desk_chat_message
from tests.event_builders import Chat, direct_chat, picture

pytestmark = pytest.mark.virtual_time


async def taken(screens: Screens) -> tuple[Chat, str]:
    """Return a customer's chat and the thread of their ticket, in which Lin has answered."""
    screens.model.replies = ["A summary."]
    chat = direct_chat()
    await screens.ingest(chat.message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    await screens.ingest(desk_chat_message(thread, "Hello", LIN))
    await screens.settle()
    return chat, thread


def desk_texts(screens: Screens, thread: str) -> list[str]:
    """Return what the desk sees in a thread, the ticket that begins it included."""
    return [
        one.text
        for one in screens.slack.screen.messages.values()
        if thread in (one.thread, one.message_id) and one.file is None
    ]


async def test_a_lost_thread_is_opened_anew_with_the_last_words(screens: Screens) -> None:
    """A topic that was deleted by hand, or that Telegram lost, gets a successor with ticket and words."""
    chat, old = await taken(screens)
    screens.slack.fail_next(PlatformForbidden("message thread not found"))
    await screens.ingest(chat.message("Are you still there? My order is 4711"))
    await screens.ingest(chat.message("hello??"))
    await screens.settle()

    handoff = await screens.handoff()
    assert handoff.state is HandoffState.STAFF
    assert handoff.desk_thread != old
    ticket, reason, *words = desk_texts(screens, handoff.desk_thread)
    assert "🟢 taken by Lin" in ticket
    assert reason.startswith("↪️")
    assert words == ["**Ann:** Are you still there? My order is 4711", "**Ann:** hello??"]

    await screens.ingest(desk_chat_message(handoff.desk_thread, "Yes, I am.", LIN))
    await screens.settle()
    assert screens.telegram.screen.texts[-1] == "**Lin:** Yes, I am."


async def test_a_lost_file_follows_into_the_new_thread(screens: Screens) -> None:
    """Files are moved as words are."""
    chat, old = await taken(screens)
    screens.files["cup.jpg"] = b"JPEG"
    screens.slack.fail_next(PlatformForbidden("topic deleted"))
    await screens.ingest(chat.message("Look", attachments=(picture("cup.jpg"),)))
    await screens.settle()
    (file,) = (one for one in screens.slack.screen.messages.values() if one.file)
    assert file.thread == (await screens.handoff()).desk_thread != old


async def test_a_lost_room_gives_the_customer_back(screens: Screens) -> None:
    """The bot was removed, the channel archived: the customer hears so, and the bot answers again."""
    chat, _ = await taken(screens)
    screens.slack.failures.forbidden.add("C9")
    await screens.ingest(chat.message("Are you still there?"))
    await screens.settle()
    assert (await screens.handoff()).state is HandoffState.BOT
    assert "I cannot reach our team" in screens.telegram.screen.texts[-1]
    await screens.ingest(chat.message("What does tea cost?"))
    assert [getattr(one, "text", "") for one in await screens.questions()] == ["What does tea cost?"]


async def test_a_lost_room_of_a_chat_hands_over_to_the_deployments(screens: Screens) -> None:
    """A chat's own desk is the first choice, not the only one."""
    own = ChatRules(desk="slack:C5")
    async with screens.database.begin() as tx:
        await rules.save(tx, own, platform="telegram", tenant="", channel="1", changed_by="77")
    chat, _ = await taken(screens)
    assert (await screens.handoff()).desk_room == DeskRoom(platform="slack", channel="C5")
    screens.slack.failures.forbidden.add("C5")
    await screens.ingest(chat.message("Are you still there?"))
    await screens.settle()
    handoff = await screens.handoff()
    assert (handoff.state, handoff.desk_room.channel) == (HandoffState.WAITING, "C9")
    assert desk_texts(screens, handoff.desk_thread)[-1] == "**Ann:** Are you still there?"


@pytest.mark.parametrize("room_is_gone", [False, True])
async def test_asking_again_says_what_is_true(screens: Screens, room_is_gone: bool) -> None:
    """``/human`` reaches the desk before the customer is told that somebody is there."""
    chat, _ = await taken(screens)
    if room_is_gone:
        screens.slack.failures.forbidden.add("C9")
    else:
        screens.slack.fail_next(PlatformForbidden("message thread not found"))
    await screens.ingest(chat.command(CommandName.HUMAN))
    await screens.settle()
    told = screens.telegram.screen.texts[-1]
    if room_is_gone:
        assert "I cannot reach our team" in told
        assert not any("has this in hand" in text for text in screens.telegram.screen.texts)
    else:
        assert "has this in hand" in told
        assert "asks for a person again" in desk_texts(screens, (await screens.handoff()).desk_thread)[-1]


async def test_a_file_that_cannot_be_passed_on_is_told_to_both(screens: Screens) -> None:
    """The customer knows that the team did not get it."""
    chat, thread = await taken(screens)
    await screens.ingest(chat.message("", attachments=(picture("gone.jpg"),)))
    await screens.settle()
    assert "“gone.jpg” could not be passed on" in desk_texts(screens, thread)[-1]
    assert "“gone.jpg” could not be passed on" in screens.telegram.screen.texts[-1]


async def test_words_that_the_desk_refuses_are_told_to_the_customer(screens: Screens) -> None:
    """A text that the platform does not accept is no reason to leave the thread."""
    chat, thread = await taken(screens)
    screens.slack.fail_next(*[PlatformRefused("invalid_blocks")] * 3)
    await screens.ingest(chat.message("Something odd"))
    await screens.settle()
    assert (await screens.handoff()).desk_thread == thread
    assert "could not be passed on" in screens.telegram.screen.texts[-1]
