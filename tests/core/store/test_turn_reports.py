"""Turns and conversations as operators read them, on both databases."""

from datetime import timedelta

import pytest

from core.domain.bot_messages import FeedbackVerdict
from core.domain.message_content import MessageRole
from core.domain.turn_states import KimiFailure, Outcome, TurnState
from core.store import Database, conversation_reports, feedback, turn_reports, turns, usage
from core.store.clock import utc_now
from core.store.conversation_filters import ANY_FAILURE, ConversationFilter, ConversationState
from core.store.conversation_scope import EVERYTHING
from core.store.turn_reports import TurnFilter
from core.store.turns import Turn
from core.store.usage import CallUsage
from tests.event_builders import ANN, BOB, Chat
from tests.stored_conversation import StoredConversation

FIRST, SECOND = "How do I reset my password?", "Where is 50% of my order_no?"


async def conversation(database: Database, channel: str = "42") -> StoredConversation:
    """Return an empty conversation."""
    return await StoredConversation(database, Chat(channel=channel)).create()


async def rate(database: Database, turn: Turn, verdict: FeedbackVerdict, person: str) -> None:
    """Store a person's verdict on a turn."""
    async with database.begin() as tx:
        await feedback.save(tx, turn_id=turn.id, person_id=person, verdict=verdict)


async def fail(database: Database, turn: Turn) -> None:
    """End a turn with an error of Kimi's."""
    async with database.begin() as tx:
        await turns.finish(tx, turn, outcome=KimiFailure("rate_limited"))


async def spend(database: Database, talk: StoredConversation, turn: Turn, *costs: float | None) -> None:
    """Store requests of a turn with these costs, 100 tokens each."""
    async with database.begin() as tx:
        for number, cost in enumerate(costs):
            call = CallUsage(
                model="kimi-k3",
                prompt_tokens=100,
                cached_tokens=40,
                completion_tokens=10,
                reasoning_tokens=0,
                time_to_first_token_s=0.5 + number,
                duration_s=2.0,
                cost_usd=cost,
            )
            await usage.add(tx, call, conversation_id=talk.conversation.id, turn_id=turn.id, person_id=ANN.id)


async def test_a_turn_has_its_question_answer_calls_and_ratings(database: Database) -> None:
    """One row holds everything that an operator asks about an answer."""
    talk = await conversation(database)
    turn = await talk.exchange(FIRST, "By the link.")
    await spend(database, talk, turn, 0.25, None, 0.5)
    await rate(database, turn, FeedbackVerdict.BAD, "1")
    await rate(database, turn, FeedbackVerdict.BAD, "2")

    async with database.read() as tx:
        (report,) = await turn_reports.list_turns(tx, TurnFilter(turn_id=turn.id), scope=EVERYTHING, limit=10)

    assert (report.question, report.answer, report.asker_name) == (FIRST, "By the link.", ANN.name)
    assert (report.state, report.outcome, report.attempt) == (TurnState.DONE, Outcome.COMPLETE, 1)
    assert report.received_at <= report.started_at
    assert report.calls.models == ("kimi-k3",)
    assert (report.calls.calls, report.calls.prompt_tokens, report.calls.cost_usd) == (3, 300, 0.75)
    assert report.calls.time_to_first_token_s == 0.5
    assert report.ratings == {FeedbackVerdict.BAD: 2}


async def test_turns_are_filtered_and_paged_newest_first(database: Database) -> None:
    """By conversation, verdict, failure, gap and date; a page ends before the last id of the one before."""
    talk, other = await conversation(database), await conversation(database, "7")
    good, bad = await talk.exchange(FIRST, "a"), await talk.exchange(SECOND, "b")
    failed = await other.ask("And mine?")
    await fail(database, failed)
    await rate(database, good, FeedbackVerdict.GOOD, "1")
    await rate(database, bad, FeedbackVerdict.BAD, "1")

    async def ids(turn_filter: TurnFilter, before_id: int | None = None, limit: int = 10) -> list[int]:
        async with database.read() as tx:
            found = await turn_reports.list_turns(
                tx, turn_filter, scope=EVERYTHING, limit=limit, before_id=before_id
            )
        return [one.id for one in found]

    assert await ids(TurnFilter()) == [failed.id, bad.id, good.id]
    assert await ids(TurnFilter(), limit=1, before_id=failed.id) == [bad.id]
    assert await ids(TurnFilter(conversation_id=talk.conversation.id)) == [bad.id, good.id]
    assert await ids(TurnFilter(verdict=FeedbackVerdict.GOOD)) == [good.id]
    assert await ids(TurnFilter(failed=True)) == [failed.id]
    assert await ids(TurnFilter(unknown=True)) == [bad.id]
    assert await ids(TurnFilter(since=utc_now() + timedelta(hours=1))) == []


async def test_an_answer_that_grows_shows_its_text_so_far(database: Database) -> None:
    """A running turn has no outcome, and the stored part of its answer."""
    talk = await conversation(database)
    turn = await talk.ask(FIRST)
    async with database.begin() as tx:
        await turns.save_partial(tx, turn, partial="By the", reasoning="")

    async with database.read() as tx:
        (report,) = await turn_reports.list_turns(tx, TurnFilter(), scope=EVERYTHING, limit=10)

    assert (report.state, report.outcome, report.answer) == (TurnState.RUNNING, None, "By the")


async def test_a_conversation_in_the_list_has_its_figures(database: Database) -> None:
    """Turns, messages, people, failures, ratings, cost and the first words."""
    talk = await conversation(database)
    turn = await talk.exchange(FIRST, "By the link.")
    await talk.say("I agree", BOB)
    await fail(database, await talk.ask(SECOND))
    await spend(database, talk, turn, 0.25, 0.5)
    await rate(database, turn, FeedbackVerdict.GOOD, "2")

    async with database.read() as tx:
        (report,) = await conversation_reports.list_conversations(
            tx, ConversationFilter(), scope=EVERYTHING, limit=10
        )

    assert (report.platform, report.channel, report.first_text) == ("telegram", "42", FIRST)
    assert (report.turns, report.messages, report.people, report.failed) == (2, 4, 2, 1)
    assert (report.rated_good, report.rated_bad, report.cost_usd) == (1, 0, 0.75)
    assert report.last_at >= report.created_at


async def test_conversations_are_filtered_latest_first(database: Database) -> None:
    """By platform, chat, person, words (``%`` and ``_`` are plain characters), failures, ratings and date."""
    old, new = await conversation(database, "1"), await conversation(database, "2")
    bad = await old.exchange(FIRST, "By the link.")
    await rate(database, bad, FeedbackVerdict.BAD, "1")
    await fail(database, await new.ask(SECOND, BOB))

    async def channels(wanted: ConversationFilter, **page: int) -> list[str]:
        async with database.read() as tx:
            found = await conversation_reports.list_conversations(
                tx, wanted, scope=EVERYTHING, **{"limit": 10, **page}
            )
        return [one.channel for one in found]

    assert await channels(ConversationFilter()) == ["2", "1"]
    assert await channels(ConversationFilter(), limit=1, offset=1) == ["1"]
    assert await channels(ConversationFilter(platform="slack")) == []
    assert await channels(ConversationFilter(channel="1")) == ["1"]
    assert await channels(ConversationFilter(person_id=BOB.id)) == ["2"]
    assert await channels(ConversationFilter(text="PASSWORD")) == ["1"]
    assert await channels(ConversationFilter(text="50%")) == ["2"]
    assert await channels(ConversationFilter(text="d_r")) == []
    assert await channels(ConversationFilter(failed=True)) == ["2"]
    assert await channels(ConversationFilter(rated_bad=True)) == ["1"]
    assert await channels(ConversationFilter(since=utc_now() + timedelta(hours=1))) == []
    assert await channels(ConversationFilter(until=utc_now() - timedelta(hours=1))) == []
    assert await channels(ConversationFilter(outcome=ANY_FAILURE)) == ["2"]
    assert await channels(ConversationFilter(outcome="complete")) == ["1"]
    assert await channels(ConversationFilter(used_knowledge=True)) == []
    found = [await channels(ConversationFilter(state=state)) for state in ConversationState]
    assert found == [[], [], [], ["2", "1"]]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("link RESET", True),  # in any order and case
        ('"the reset link"', True),
        ('"link the reset"', False),
        ("link invoice", False),  # each has one of them
        ("导出", True),  # a word of two characters
        ("导出 看板", True),
        ('"', True),  # no word at all
    ],
)
async def test_a_search_finds_the_conversations_with_a_message_that_has_every_word(
    database: Database, text: str, is_found: bool
) -> None:
    """Words stand in one message in any order, quoted ones together; Chinese needs no blanks."""
    talk = await conversation(database)
    await talk.exchange("Send me the reset link", "怎么导出看板？")
    await talk.say("and the invoice")

    async with database.read() as tx:
        found = await conversation_reports.list_conversations(
            tx, ConversationFilter(text=text), scope=EVERYTHING, limit=10
        )

    assert [one.first_author for one in found] == [ANN.name] * is_found


async def test_the_messages_of_a_conversation_come_in_order(database: Database) -> None:
    """The latest page first, each page in the order in which people wrote."""
    talk = await conversation(database)
    await talk.exchange(FIRST, "By the link.")
    await talk.exchange(SECOND, "On its way.")

    async with database.read() as tx:
        last = await conversation_reports.list_messages(tx, talk.conversation.id, scope=EVERYTHING, limit=3)
        before = await conversation_reports.list_messages(
            tx, talk.conversation.id, scope=EVERYTHING, limit=3, before_id=last[0].id
        )

    assert [one.text for one in (*before, *last)] == [FIRST, "By the link.", SECOND, "On its way."]
    assert [one.role for one in before] == [MessageRole.USER]
    assert last[-1].turn_id is not None
