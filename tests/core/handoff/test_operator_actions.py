"""Actions of people on the console, with the effects that the chat's own commands have."""

from typing import Any

import pytest

from core.domain.handoff_state import HandoffAction, HandoffReason, HandoffState, OutboxSide
from core.domain.queue import Lane
from core.domain.turn_states import Outcome
from core.handoff.operator_actions import ActionResult, Operator, OperatorActions
from core.store import console_access, conversations, handoffs, inbox, turns
from core.store.conversation_scope import EVERYTHING, NOTHING, ChatPlace, ConversationScope
from core.store.conversations import Conversation
from tests.core.handoff.conftest import DESK, Office
from tests.event_builders import ANN, Chat

ADMIN = Operator(person="shell:root", scope=EVERYTHING)


@pytest.fixture
def actions(office: Office) -> OperatorActions:
    """The actions of a console in the office."""
    return OperatorActions(office.database, office.work_queue, office.service)


async def asked(office: Office, text: str = "Where is my order?") -> Conversation:
    """Return a conversation in which Ann asks, and whose turn is running."""
    chat = Chat()
    await office.ingest(chat.message(text, author=ANN))
    async with office.database.begin() as tx:
        (queue_key,) = [key for key in await inbox.load_open_queues(tx) if key.lane is Lane.TURNS]
        (item,) = await inbox.load_open_items(tx, queue_key, limit=5)
        await turns.claim(
            tx,
            conversation_id=queue_key.conversation_id,
            inbox_id=item.id,
            seq=item.id,
            asker_id=ANN.id,
        )
        return await conversations.get(tx, queue_key.conversation_id)


async def audit(office: Office) -> list[tuple[str, str]]:
    """Return person and action of each entry, oldest first."""
    async with office.database.read() as tx:
        entries = await console_access.list_audit(tx, limit=10)
    return [(one.person, one.action) for one in reversed(entries)]


async def active(office: Office, conversation: Conversation) -> Any:
    """Return the conversation's active handoff."""
    async with office.database.read() as tx:
        return await handoffs.get_active(tx, conversation.id)


async def test_stop_asks_the_running_answer_to_end(office: Office, actions: OperatorActions) -> None:
    """As /stop does; without a running answer it says so and is not audited."""
    conversation = await asked(office)

    assert await actions.stop(conversation.id, ADMIN) is ActionResult.DONE
    async with office.database.begin() as tx:
        turn = await turns.get_latest(tx, conversation.id)
        assert turn is not None
        assert str(turn.cancel_reason) == "stop"
        await turns.finish(tx, turn, outcome=Outcome.STOPPED)

    assert await actions.stop(conversation.id, ADMIN) is ActionResult.NOTHING_RUNNING
    assert await audit(office) == [("shell:root", "conversation.stop")]


async def test_retry_answers_in_the_name_of_the_asker(office: Office, actions: OperatorActions) -> None:
    """The question is queued again as its asker's command, behind what is open."""
    conversation = await asked(office)

    assert await actions.retry(conversation.id, ADMIN) is ActionResult.DONE

    async with office.database.read() as tx:
        (queue_key,) = [key for key in await inbox.load_open_queues(tx) if key.lane is Lane.TURNS]
        items = await inbox.load_open_items(tx, queue_key, limit=5)
    assert [type(item.event).__name__ for item in items] == ["MessageReceived", "CommandReceived"]
    assert items[-1].event.author.id == ANN.id  # type: ignore[union-attr]


async def test_taking_over_silences_the_bot_and_tells_the_customer(
    office: Office, actions: OperatorActions
) -> None:
    """The handoff begins at the desk with its ticket; a retry is refused until it is returned."""
    conversation = await asked(office)

    assert await actions.take(conversation.id, ADMIN) is ActionResult.DONE

    handoff = await active(office, conversation)
    assert (handoff.state, handoff.reason) == (HandoffState.STAFF, HandoffReason.STAFF)
    assert (handoff.customer.id, handoff.desk_room) == (ANN.id, DESK)
    assert (handoff.assignee.id, handoff.assignee.name) == ("shell:root", "root")
    assert "<ticket>" in await office.shown(OutboxSide.DESK)
    assert len(await office.shown(OutboxSide.CUSTOMER)) == 1
    assert await actions.retry(conversation.id, ADMIN) is ActionResult.WITH_STAFF

    for action, state in ((HandoffAction.RETURN_TO_BOT, HandoffState.BOT),):
        assert await actions.end(conversation.id, ADMIN, action) is ActionResult.DONE
        async with office.database.read() as tx:
            ended = await handoffs.get_latest(tx, conversation.id)
        assert ended is not None
        assert ended.state is state
    assert await actions.end(conversation.id, ADMIN, HandoffAction.CLOSE) is ActionResult.NO_HANDOFF
    assert [action for _, action in await audit(office)] == ["conversation.take", "conversation.back"]


async def test_an_answer_reaches_the_customer_and_the_history(
    office: Office, actions: OperatorActions
) -> None:
    """It takes the conversation over if nobody has it; Kimi reads the words later on."""
    conversation = await asked(office)

    assert await actions.answer(conversation.id, ADMIN, "  It is on its way. ") is ActionResult.DONE
    assert await actions.answer(conversation.id, ADMIN, "Anything else?") is ActionResult.DONE
    assert await actions.answer(conversation.id, ADMIN, " \n ") is ActionResult.EMPTY

    shown = await office.shown(OutboxSide.CUSTOMER)
    assert any("It is on its way." in text for text in shown)
    assert any("Anything else?" in text for text in shown)
    handoff = await active(office, conversation)
    assert handoff.first_reply_at is not None
    assert not handoff.customer_waiting


@pytest.mark.parametrize(
    "scope", [NOTHING, ConversationScope(chats=frozenset({ChatPlace(platform="slack", channel="C1")}))]
)
async def test_nothing_happens_outside_of_a_persons_scope(
    office: Office, actions: OperatorActions, scope: ConversationScope
) -> None:
    """Another team's conversation, and one that does not exist, are the same to them."""
    conversation = await asked(office)
    stranger = Operator(person="slack:U9", scope=scope)

    for number in (conversation.id, 999):
        for done in (
            await actions.stop(number, stranger),
            await actions.retry(number, stranger),
            await actions.take(number, stranger),
            await actions.answer(number, stranger, "Hello"),
            await actions.end(number, stranger, HandoffAction.CLOSE),
        ):
            assert done is ActionResult.NOT_FOUND
    assert await active(office, conversation) is None
    assert await audit(office) == []
    assert await office.items() == []
