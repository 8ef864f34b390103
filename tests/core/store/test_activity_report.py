"""Figures by hour, and who is at the desk, on both databases."""

from core.domain.turn_states import KimiFailure, Outcome
from core.store import Database, activity_report, turns, usage
from core.store.conversation_scope import EVERYTHING
from core.store.usage import CallUsage
from tests.stored_conversation import StoredConversation


async def test_an_hour_has_its_questions_failures_cost_and_first_token(database: Database) -> None:
    """Notices of the bot are no questions; hours without any are listed, the current one last."""
    talk = await StoredConversation(database).create()
    answered = await talk.exchange("One?", "Yes.")
    failed, notice = await talk.ask("Two?"), await talk.ask("/help")
    call = CallUsage(
        model="kimi-k3",
        prompt_tokens=1,
        cached_tokens=0,
        completion_tokens=1,
        reasoning_tokens=0,
        time_to_first_token_s=0.5,
        duration_s=1.0,
        cost_usd=0.25,
    )
    async with database.begin() as tx:
        await turns.finish(tx, failed, outcome=KimiFailure("overloaded"))
        await turns.finish(tx, notice, outcome=Outcome.NOTICE)
        for _ in range(2):
            await usage.add(
                tx, call, conversation_id=talk.conversation.id, turn_id=answered.id, person_id="1"
            )

    async with database.read() as tx:
        hours = await activity_report.hourly_activity(tx, scope=EVERYTHING, hours=24)

    assert len(hours) == 24
    assert (sum(one.questions for one in hours), sum(one.failed for one in hours)) == (2, 1)
    last = next(one for one in reversed(hours) if one.questions)
    assert (last.cost_usd, last.time_to_first_token_s) == (0.5, 0.5)
    assert hours[0].questions == 0
    assert hours[0].time_to_first_token_s is None


async def test_nobody_at_the_desk_is_an_empty_list(database: Database) -> None:
    """A conversation that the bot answers is not at the desk."""
    await (await StoredConversation(database).create()).exchange("One?", "Yes.")

    async with database.read() as tx:
        assert await activity_report.list_open_handoffs(tx, scope=EVERYTHING) == []
