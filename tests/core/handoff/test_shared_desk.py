"""Two bots or teams on one database whose desks are the same room."""

from dataclasses import replace

import pytest

from core.domain.addresses import ThreadKey
from core.store import handoffs
from tests.core.handoff.conftest import DESK, Office
from tests.event_builders import Chat, direct_chat

pytestmark = pytest.mark.virtual_time


async def look(office: Office, key: ThreadKey) -> list[bool]:
    """Return whether the handoff is found by its thread, as the desk's newest, and by its ticket."""
    own = await office.handoff()
    async with office.database.read() as tx:
        found = [
            await handoffs.get_by_desk_thread(tx, key),
            await handoffs.get_active_at_desk(tx, key),
            await handoffs.get_by_ticket(tx, own.id, key),
        ]
    return [one is not None for one in found]


async def test_words_at_the_desk_reach_the_customers_of_the_bot_that_heard_them(office: Office) -> None:
    """Both bots hear what is said in a room that they share; the other one's ticket is nobody's to it."""
    _, thread = await office.hand_off(Chat(platform="slack", tenant="T1", channel="D1"))
    heard = ThreadKey(platform="slack", tenant="T1", channel=DESK.channel, thread=thread)
    assert await look(office, heard) == [True] * 3
    assert await look(office, replace(heard, tenant="T2")) == [False] * 3


async def test_a_desk_on_the_other_platform_finds_its_customers(office: Office) -> None:
    """A ticket of a Telegram customer belongs to whichever team has the room on Slack."""
    _, thread = await office.hand_off(direct_chat())
    heard = ThreadKey(platform="slack", tenant="T1", channel=DESK.channel, thread=thread)
    assert await look(office, heard) == [True] * 3
