"""What both sides see: texts, files, tickets and topics, through crashes and refusals."""

import asyncio
from dataclasses import replace

import pytest

from core.domain.buttons import ChangeHandoff, OptionButton, SuggestReply
from core.domain.errors import PlatformForbidden, PlatformRefused, PlatformUnavailable, StoreUnavailable
from core.domain.events import Mention
from core.domain.handoff_state import HandoffAction, HandoffState, OutboxState
from core.kimi import KimiUnavailable
from core.store import Transaction, outbox
from core.store.handoffs import DeskRoom
from core.store.outbox import OutboxItem
from core.testing.scripted_model import Delay
from tests.core.handoff.conftest import LIN, Screens, desk_chat, desk_chat_message
from tests.event_builders import direct_chat, picture, slack_channel

pytestmark = pytest.mark.virtual_time


async def test_a_handoff_from_both_sides(screens: Screens) -> None:
    """A ticket begins the thread at the desk; words go both ways, in order, each with a name."""
    screens.model.replies = ["Ann has a broken cup."]
    chat = direct_chat()
    await screens.ingest(chat.message("My cup is broken. I want to talk to a human"))
    thread = await screens.ticket_thread()
    await screens.ingest(desk_chat_message(thread, "Send it back, please.", LIN))
    await screens.ingest(chat.message("Thank you"))
    await screens.settle()

    first, second = screens.telegram.screen.texts
    assert first.startswith("I have asked our team")
    assert second == "**Lin:** Send it back, please."
    ticket, *rest = screens.slack.screen.messages.values()
    assert ticket.message_id == thread
    assert "🟢 taken by Lin" in ticket.text
    assert "**Summary:** Ann has a broken cup." in ticket.text
    assert [(one.text, one.thread) for one in rest] == [
        ("*Lin answered and took this.*", thread),
        ("**Ann:** Thank you", thread),
    ]
    assert screens.telegram.rate_limited_at == screens.slack.rate_limited_at == []


async def test_a_desk_with_topics_opens_and_closes_one(screens: Screens) -> None:
    """Telegram's forums have a topic for each handoff, named after the customer."""
    screens.model.replies = [""]
    screens.configure(desk_room=DeskRoom(platform="telegram", channel="-900"))
    screens.runner = screens.new_runner()
    await screens.ingest(slack_channel().message("@bot I want to talk to a human", mention=Mention.BY_NAME))
    thread = await screens.ticket_thread()

    assert screens.topics.topics == {thread: "#1 Ann"}
    (ticket,) = (one for one in screens.telegram.screen.messages.values() if one.channel == "-900")
    assert ticket.thread == thread

    handoff = await screens.handoff()
    close = ChangeHandoff(handoff_id=handoff.id, action=HandoffAction.CLOSE)
    desk = replace(desk_chat(), platform="telegram", tenant="bot", channel="-900")
    await screens.ingest(desk.press(close, ticket.message_id, author=LIN))
    await screens.settle()
    assert screens.topics.closed_topics == {thread}


async def test_files_are_passed_on(screens: Screens) -> None:
    """A file is downloaded and sent to the other side; nothing of it stays on the disk."""
    screens.files["cup.jpg"] = b"JPEG"
    chat = direct_chat()
    await screens.hand_off(chat)
    screens.model.replies = ["…"]
    await screens.ticket_thread()
    await screens.ingest(chat.message("Look", attachments=(picture("cup.jpg"),)))
    await screens.settle()
    shown = [one.file for one in screens.slack.screen.messages.values() if one.file is not None]
    assert shown == [b"JPEG"]
    assert list(screens.folder.iterdir()) == []


async def test_a_file_that_cannot_be_had_is_reported(screens: Screens) -> None:
    """Staff learns that a file was lost, and which."""
    screens.model.replies = ["…"]
    chat = direct_chat()
    await screens.ingest(chat.message("I want to talk to a human"))
    await screens.ticket_thread()
    await screens.ingest(chat.message("", attachments=(picture("cup.jpg"),)))
    await screens.settle()
    assert "“cup.jpg” could not be passed on" in screens.slack.screen.texts[-1]


async def test_a_customer_who_blocked_the_bot_is_reported(screens: Screens) -> None:
    """Staff must not believe that the customer read it."""
    screens.model.replies = ["…"]
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    screens.telegram.failures.forbidden.add("1")
    await screens.ingest(desk_chat_message(thread, "Hello", LIN))
    await screens.settle()
    assert screens.slack.screen.texts[-1].startswith("⚠️ The customer did not get the message above")


async def test_a_desk_that_cannot_be_reached_gives_the_customer_back(screens: Screens) -> None:
    """Nobody would ever come, so the bot goes on and says so."""
    screens.slack.failures.forbidden.add("C9")
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    await screens.settle()
    assert (await screens.handoff()).state is HandoffState.BOT
    assert "I cannot reach our team" in screens.telegram.screen.texts[-1]


async def test_a_passing_failure_is_outlasted(screens: Screens) -> None:
    """A platform that is away for a while delays the message, and nothing else."""
    screens.model.replies = ["…"]
    screens.telegram.fail_next(PlatformUnavailable("502"), PlatformUnavailable("502"))
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    await screens.settle()
    (told,) = screens.telegram.screen.texts
    assert told.startswith("I have asked our team")


async def test_a_store_that_fails_after_the_post_shows_the_message_once(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference was stored before, and the next attempt continues from it."""
    screens.model.replies = ["…"]
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    finish, failures = outbox.finish, [StoreUnavailable("gone"), StoreUnavailable("gone")]

    async def fail_twice(tx: Transaction, item: OutboxItem, *, state: OutboxState) -> None:
        if failures:
            raise failures.pop()
        await finish(tx, item, state=state)

    monkeypatch.setattr(outbox, "finish", fail_twice)
    await screens.ingest(desk_chat_message(thread, "Hello", LIN))
    await screens.settle()

    assert failures == []
    assert screens.telegram.screen.texts[1:] == ["**Lin:** Hello"]


async def test_an_edit_and_a_deletion_reach_the_copy(screens: Screens) -> None:
    """The other side sees what the author last meant."""
    screens.model.replies = ["…"]
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    first, second = desk_chat_message(thread, "Helo", LIN), desk_chat_message(thread, "Oops", LIN)
    await screens.ingest(first)
    await screens.ingest(second)
    await screens.settle()
    await screens.ingest(slack_channel().edit(first, "Hello"))
    await screens.ingest(slack_channel().delete(second))
    await screens.settle()
    assert screens.telegram.screen.texts[1:] == ["**Lin:** Hello"]


async def test_a_notice_after_the_end_goes_to_the_room_if_the_topic_is_closed(screens: Screens) -> None:
    """The words are not lost: they stand in the desk's room, under the ticket's title."""
    screens.model.replies = ["…"]
    chat = direct_chat()
    await screens.ingest(chat.message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    handoff = await screens.handoff()
    close = ChangeHandoff(handoff_id=handoff.id, action=HandoffAction.CLOSE)
    await screens.ingest(desk_chat().press(close, thread, author=LIN))
    await screens.settle()
    screens.slack.fail_next(PlatformRefused("thread locked"))
    await screens.ingest(desk_chat_message(thread, "One more thing", LIN))
    await screens.settle()
    (last,) = (one for one in screens.slack.screen.messages.values() if "was not sent" in one.text)
    assert last.thread == ""
    assert last.text.startswith("**#1 Ann**")


async def test_kimis_draft_is_shown_to_the_desk_and_sent_by_a_press(screens: Screens) -> None:
    """The customer sees nothing of it before a person sends it."""
    screens.model.replies = ["A broken cup.", "Please send the cup back."]
    await screens.ingest(direct_chat().message("My cup is broken. I want to talk to a human"))
    thread = await screens.ticket_thread()
    handoff = await screens.handoff()
    await screens.ingest(desk_chat().press(SuggestReply(handoff_id=handoff.id), thread, author=LIN))
    await screens.settle()
    draft = list(screens.slack.screen.messages.values())[-1]
    assert draft.text.endswith("Please send the cup back.")
    (button,) = draft.buttons
    assert isinstance(button, OptionButton)
    assert len(screens.telegram.screen.texts) == 1

    press = desk_chat().press(button.action, draft.message_id, author=LIN)
    await screens.ingest(replace(press, delivery_id="send"))
    await screens.settle()
    assert screens.telegram.screen.texts[-1] == "**Lin:** Please send the cup back."
    assert "Lin sent this draft" in screens.slack.screen.get(draft.message_id).text


@pytest.mark.parametrize("reply", [KimiUnavailable("away"), [Delay(60.0), "late"], ""])
async def test_without_kimi_the_desk_does_without(screens: Screens, reply: object) -> None:
    """No summary is no fault; a draft that cannot be had is reported."""
    screens.model.replies = [[reply] if isinstance(reply, KimiUnavailable) else reply] * 2  # type: ignore[list-item]
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    handoff = await screens.handoff()
    await screens.ingest(desk_chat().press(SuggestReply(handoff_id=handoff.id), thread, author=LIN))
    await screens.settle()
    assert handoff.summary == ""
    assert screens.slack.screen.texts[-1] == "*Kimi has no draft to offer right now.*"


async def test_messages_do_not_wait_for_kimi(screens: Screens) -> None:
    """The summary has a lane of its own; a slow Kimi delays no relayed message."""
    release = asyncio.Event()
    screens.model.replies = [[release, "At last."]]
    chat = direct_chat()
    await screens.ingest(chat.message("I want to talk to a human"))
    await screens.clock.sleep(5.0)
    await screens.ingest(chat.message("Hello?"))
    await screens.clock.sleep(5.0)
    assert screens.slack.screen.texts[-1] == "**Ann:** Hello?"
    release.set()
    await screens.settle()
    assert "At last." in screens.slack.screen.texts[0]


async def test_a_process_without_the_customers_platform_leaves_the_work_to_others(screens: Screens) -> None:
    """Deployments may serve each platform by a process of its own."""
    screens.platforms = replace(screens.platforms, channels={"slack": screens.slack})
    screens.runner = screens.new_runner()
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    await screens.clock.sleep(5.0)
    assert screens.slack.screen.texts == []
    assert (await screens.handoff()).state is HandoffState.WAITING


async def test_a_place_that_is_gone_ends_the_item(screens: Screens) -> None:
    """One customer's dead chat does not block the work behind it."""
    screens.model.replies = ["…"]
    screens.telegram.fail_next(PlatformForbidden("blocked"))
    chat = direct_chat()
    await screens.ingest(chat.message("I want to talk to a human"))
    await screens.settle()
    await screens.ingest(chat.message("Hello?"))
    await screens.settle()
    assert "**Ann:** Hello?" in screens.slack.screen.texts
