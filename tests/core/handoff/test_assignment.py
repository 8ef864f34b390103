"""``/assign @colleague`` gives a customer to a named member of the team."""

import pytest

from core.domain.addresses import Person
from core.domain.command_names import CommandName
from core.domain.events import Mention
from core.domain.handoff_state import HandoffState, OutboxSide
from core.handoff.command_handler import STAFF_COMMANDS
from tests.core.handoff.conftest import BO, LIN, Office, desk_chat_message
from tests.event_builders import direct_chat

pytestmark = pytest.mark.virtual_time


async def assigning(office: Office, text: str, *mentioned: Person) -> tuple[str, list[str], list[str]]:
    """Let Lin, who has the customer, assign them; return the assignee and what each side is shown then."""
    _, thread = await office.hand_off(direct_chat())
    await office.assign(thread)
    before = len(await office.items())
    event = desk_chat_message(thread, text, LIN, mention=Mention.BY_NAME, mentioned=mentioned)
    await office.ingest(event)
    handoff = await office.handoff()
    assert handoff.state is HandoffState.STAFF
    shown = [await office.shown(side, after=before) for side in (OutboxSide.DESK, OutboxSide.CUSTOMER)]
    return handoff.assignee.id, *shown


@pytest.mark.parametrize("text", ["/assign @Bo", "/assign", "/ASSIGN @Bo please"])
async def test_a_mentioned_colleague_gets_the_customer(office: Office, text: str) -> None:
    """The desk reads who gave it to whom; the customer reads nothing of the command."""
    assignee, desk, customer = await assigning(office, text, BO)
    assert assignee == BO.id
    assert "<ticket>" in desk
    assert any("Lin assigned this customer to Bo" in one for one in desk)
    assert not any("assign" in one or "Bo please" in one for one in customer)


async def test_without_a_name_its_author_takes_it(office: Office) -> None:
    """It is ``/take`` then."""
    _, thread = await office.hand_off(direct_chat())
    await office.ingest(desk_chat_message(thread, "/assign", BO))
    assert (await office.handoff()).assignee.id == BO.id


async def test_a_name_is_known_if_its_owner_has_acted_at_the_desk(office: Office) -> None:
    """Plain "Bo" is enough then, in any case."""
    _, thread = await office.hand_off(direct_chat())
    await office.assign(thread, BO)
    await office.assign(thread, LIN)
    await office.ingest(desk_chat_message(thread, "/assign bo", LIN))
    assert (await office.handoff()).assignee.id == BO.id


async def test_an_unknown_name_is_reported_and_changes_nothing(office: Office) -> None:
    """Nobody is assigned by a guess, and nothing goes to the customer."""
    assignee, desk, customer = await assigning(office, "/assign Zoe")
    assert assignee == LIN.id
    assert customer == []
    assert any("I do not know “Zoe”" in one for one in desk)


def test_the_command_is_one_of_the_teams() -> None:
    """On Telegram people send it without a mention of the bot, as any command."""
    assert CommandName.ASSIGN in STAFF_COMMANDS
