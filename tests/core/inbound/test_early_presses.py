"""Presses that arrive before the id of their message is stored."""

import asyncio

import pytest

from core.access import AccessLists
from core.domain.addresses import Person
from core.domain.buttons import ActionButton, ChangeHandoff, RunCommand
from core.domain.command_names import CommandName
from core.domain.handoff_state import HandoffAction
from core.domain.queue import Lane
from core.inbound.early_presses import MAX_WAITS, MAX_WAITS_PER_PERSON, PAUSES_S, EarlyPresses
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, direct_chat, group_chat

pytestmark = pytest.mark.virtual_time

K3 = RunCommand(command=CommandName.MODEL, argument="kimi-k3")
LONGEST_S = sum(PAUSES_S)


@pytest.fixture
def waiting(inbound: Inbound) -> Inbound:
    """The inbound side, with waits."""
    inbound.configure(early_presses=EarlyPresses(inbound.database, inbound.clock))
    return inbound


async def test_a_press_that_is_ahead_of_the_store_counts(waiting: Inbound) -> None:
    """The platform showed the menu, and Ann pressed, before its id was stored."""
    chat = direct_chat()
    pressing = asyncio.ensure_future(waiting.ingest(chat.press(K3, "M1")))
    await waiting.clock.sleep(LONGEST_S / 2)
    await waiting.show_menu(chat.command(CommandName.MODEL), "M1", K3)
    assert await pressing
    assert len(await waiting.open_events(Lane.COMMANDS)) == 1


@pytest.mark.parametrize(
    "action", [ActionButton.STOP, ChangeHandoff(handoff_id=7, action=HandoffAction.CLOSE)], ids=str
)
async def test_what_needs_no_message_or_can_have_none_does_not_wait(
    waiting: Inbound, action: ActionButton | ChangeHandoff
) -> None:
    """Stop is urgent; a ticket that does not exist will not come."""
    began_at = waiting.clock.time()
    await waiting.ingest(direct_chat().press(action, "unknown"))
    assert waiting.clock.time() == began_at


async def test_forged_presses_hold_up_nobody_for_long(waiting: Inbound) -> None:
    """Polling stores one event after another: a message that never comes is waited for a few times only."""
    chat = group_chat()

    async def wait_of(person: Person, number: int) -> float:
        began_at = waiting.clock.time()
        press = chat.press(ActionButton.RETRY, f"unknown{number}", author=person)
        await waiting.ingest(press)
        return waiting.clock.time() - began_at

    for number in range(MAX_WAITS_PER_PERSON):
        assert await wait_of(ANN, number) == pytest.approx(LONGEST_S)
    assert await wait_of(ANN, 10) == 0.0
    assert await wait_of(BOB, 0) == pytest.approx(LONGEST_S)
    await waiting.clock.sleep(60.0)
    assert await wait_of(ANN, 11) == pytest.approx(LONGEST_S)


async def test_many_people_together_have_a_bound_too(waiting: Inbound) -> None:
    """A stranger has several accounts."""
    chat = group_chat()
    began_at = waiting.clock.time()
    for number in range(3 * MAX_WAITS):
        person = Person(id=f"P{number}", name="P")
        await waiting.ingest(chat.press(ActionButton.RETRY, f"unknown{number}", author=person))
    assert waiting.clock.time() - began_at == pytest.approx(MAX_WAITS * LONGEST_S)


async def test_nobody_waits_for_a_person_who_is_not_let_in(waiting: Inbound) -> None:
    """Their press is dropped as ever."""
    waiting.configure(
        access=AccessLists(deny=frozenset({f"telegram:{ANN.id}"})),
        early_presses=EarlyPresses(waiting.database, waiting.clock),
    )
    began_at = waiting.clock.time()
    assert not await waiting.ingest(direct_chat().press(ActionButton.RETRY, "unknown"))
    assert waiting.clock.time() == began_at
