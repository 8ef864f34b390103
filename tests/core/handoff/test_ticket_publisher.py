"""What a ticket tells of the customer: where they wrote, and what was before."""

from dataclasses import replace

import pytest

from core.domain.command_names import CommandName
from core.domain.events import Mention
from tests.core.handoff.conftest import LIN, Screens, desk_chat, desk_chat_message
from tests.event_builders import direct_chat, group_chat

pytestmark = pytest.mark.virtual_time


def tickets(screens: Screens) -> list[str]:
    """Return the tickets at the desk, oldest first."""
    return [text for text in screens.slack.screen.texts if text.startswith("**#")]


async def test_a_ticket_links_the_customers_message_under_the_groups_title(screens: Screens) -> None:
    """An id tells the team nothing; in a direct chat there is no message that the team could open."""
    screens.model.replies = ["A summary."] * 2
    screens.topics.titles["-100"] = "Tea [Shop]"
    asked = group_chat().message("@bot I want to talk to a human", mention=Mention.BY_NAME)
    await screens.ingest(asked)
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    await screens.settle()
    in_group, direct = tickets(screens)
    assert f"[telegram Tea Shop](https://telegram.test/-100/{asked.message_id})" in in_group
    assert "telegram 1 ·" in direct


async def test_a_ticket_links_the_customers_earlier_ones(screens: Screens) -> None:
    """Whoever takes a customer finds what colleagues said before, newest first."""
    screens.model.replies = ["A summary."] * 2
    screens.platforms.rooms["slack"].titles["C9"] = "desk"  # type: ignore[attr-defined]
    chat = direct_chat()
    await screens.ingest(chat.message("I want to talk to a human"))
    thread = await screens.ticket_thread()
    await screens.ingest(desk_chat_message(thread, "Hello", LIN))
    await screens.ingest(desk_chat().command(CommandName.CLOSE, author=LIN, thread=thread))
    await screens.settle()
    await screens.ingest(chat.message("I want to talk to a human again"))
    await screens.settle()
    first = await screens.handoff()
    assert first.id == 2
    old = replace(first, id=1)
    earlier, second = tickets(screens)
    assert "Earlier" not in earlier
    assert f"Earlier: [#{old.id} (2026-11-24)](https://slack.test/C9/" in second
