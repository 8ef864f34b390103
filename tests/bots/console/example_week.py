"""A week of the support of "Lanternboard", a made-up product: the console's pages with data."""

import random
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import update

from core.chat_policy import ChatRules, Trigger
from core.domain.addresses import Address, ChatType, Person
from core.domain.answer_steps import ToolCallOutcome, ToolCallReport, UsedPassage
from core.domain.bot_messages import FeedbackVerdict
from core.domain.handoff_state import HandoffReason, HandoffState
from core.domain.queue import EventStatus
from core.domain.turn_states import KimiFailure, Outcome, TurnOutcome
from core.knowledge.indexing import index_document
from core.store import (
    Database,
    answer_steps,
    blocked_people,
    console_access,
    conversations,
    feedback,
    handoffs,
    knowledge_evaluations,
    ratings,
    rules,
    schema,
    turns,
)
from core.store import usage as usage_store
from core.store.clock import utc_now
from core.store.handoffs import DeskRoom
from core.store.knowledge import DEPLOYMENT
from core.store.knowledge_evaluations import EvaluationRun
from core.store.turns import Turn
from core.store.usage import CallUsage
from tests.event_builders import Chat
from tests.stored_conversation import StoredConversation

ANN = Person(id="1", name="Ann Lee", language="en")
MING = Person(id="2", name="小明", language="zh")
DANA = Person(id="U0DANA", name="Dana Brooks", language="en")
DESK: Final = DeskRoom(platform="slack", channel="C0DESK")
DOCUMENTS: Final = Path("bots/simulator/demo/knowledge/lantern")

EXCHANGES: Final = (
    (
        "The confirmation email says the link is no longer valid",
        "The link works for **one hour** [1]. Ask for a new one on the login page.",
    ),
    (
        "Can two people edit one card at once?",
        "Yes. Both see each other's changes as they type, and *nothing* is lost.",
    ),
    ("怎么导出看板？", "在“工作区 → 导出”里选择 **ZIP** 或 CSV [1]。"),
    ("Do you have a version for Haiku OS?", "I am not sure; I found nothing about Haiku OS in what I know."),
    (
        "How do I move over from Trello?",
        "Choose *Workspace, Import* [1]:\n\n1. connect Trello\n2. match people\n3. start",
    ),
    (
        "Where is our data stored?",
        "In Frankfurt for workspaces made in Europe, in Oregon for all others [1].",
    ),
)
PASSAGES: Final = (
    ("account.md", "Lanternboard: accounts and people › Creating an account", 0.83),
    ("account.md", "Lanternboard: accounts and people › Logging in without a password", 0.41),
)


async def fill(database: Database) -> None:
    """Write the week: conversations, ratings, failures, handoffs, rules, knowledge."""
    chance = random.Random(7)  # noqa: S311 - figures of a picture
    for path in sorted(DOCUMENTS.iterdir()):
        text, extension = path.read_text(encoding="utf-8"), path.suffix.removeprefix(".")
        await index_document(database, DEPLOYMENT, "lantern", name=path.name, text=text, extension=extension)
    for number in reversed(range(36)):
        await _conversation(database, number, chance)
    await _evaluations(database)
    await _growing(database)
    await _desk(database)
    async with database.begin() as tx:
        made = ChatRules(
            trigger=Trigger.QUESTION,
            knowledge=("lantern",),
            persona="@support",
        )
        await rules.save(tx, made, platform="telegram", tenant="", channel="-1001", changed_by="telegram:9")
        await blocked_people.block(tx, platform="slack", person_id="U0SPAM", channel="", name="Buy Now")
        await console_access.record(tx, "slack:UADMIN", "rules.save", "telegram:-1001")


async def _conversation(database: Database, number: int, chance: random.Random) -> None:
    slack, author = number % 3 == 0, MING if number % 6 == 2 else ANN
    chat = (
        Chat(platform="slack", tenant="T1", channel="C0GENERAL", chat_type=ChatType.GROUP)
        if slack
        else Chat(channel=f"-1001{number}" if number % 4 else "-1001", chat_type=ChatType.GROUP)
        if number % 2
        else Chat(channel=str(100 + number))
    )
    chat._ids = count(1_000 * (number + 1))
    talk = StoredConversation(database, chat)
    async with database.begin() as tx:
        key = chat.key(f"1764{number:06}.000100" if slack else "")
        talk.conversation = await conversations.get_or_create(tx, key, chat.chat_type)
    question, answer = EXCHANGES[number % len(EXCHANGES)]
    at = utc_now() - timedelta(hours=number**1.45 + chance.random())
    if number % 11 == 5:
        turn = await talk.ask(question, author)
        outcome: TurnOutcome = KimiFailure("overloaded")
        async with database.begin() as tx:
            await turns.save_answer(tx, turn, text="*Kimi is busy. Please ask again.*", outcome=outcome)
            await turns.finish(tx, turn, outcome=outcome)
    else:
        turn = await talk.exchange(question, answer)
        if "[1]" in answer:
            await _steps(database, turn, number)
        if number % 6 == 3:
            async with database.begin() as tx:
                change = update(schema.turns).where(schema.turns.c.id == turn.id)
                await tx.execute(change.values(outcome=Outcome.NO_KNOWLEDGE))
    await _usage(database, talk, turn, chance)
    if number % 5 == 3:
        verdict = FeedbackVerdict.BAD if number % 2 else FeedbackVerdict.GOOD
        async with database.begin() as tx:
            await feedback.save(tx, turn_id=turn.id, person_id="9", verdict=verdict)
    await _backdate(database, talk, turn, at)


async def _evaluations(database: Database) -> None:
    """Store a run of ``moonthread knowledge eval`` for each of five weeks, each better than before."""
    for week in range(5):
        run = EvaluationRun(
            at=utc_now() - timedelta(weeks=4 - week),
            sets="lantern",
            model="",
            answerable=50,
            first=30 + 3 * week,
            in_three=36 + 3 * week,
            found_nothing=8 - week,
            unanswerable=20,
            refused=11 + 2 * week,
        )
        async with database.begin() as tx:
            await knowledge_evaluations.save(tx, run)


async def _growing(database: Database) -> None:
    """Store an answer that is being written."""
    talk = await StoredConversation(database, Chat(channel="60")).create()
    turn = await talk.ask("How do I sign up?", ANN)
    async with database.begin() as tx:
        text = "Open **lanternboard.example/join**, enter your work address and choose a password of at"
        await turns.save_partial(tx, turn, partial=text, reasoning="")


async def _steps(database: Database, turn: Turn, number: int) -> None:
    passages = [
        UsedPassage(number=at, document=document, label=label, relevance=relevance, is_cited=at == 1)
        for at, (document, label, relevance) in enumerate(PASSAGES, 1)
    ]
    call = ToolCallReport(
        name="status_page",
        outcome=ToolCallOutcome.TIMED_OUT if number % 4 else ToolCallOutcome.DONE,
        duration_s=1.2,
    )
    async with database.begin() as tx:
        await answer_steps.save(tx, turn.id, passages, [call] if number % 2 else [])


async def _usage(database: Database, talk: StoredConversation, turn: Turn, chance: random.Random) -> None:
    prompt = chance.randint(900, 4_200)
    call = CallUsage(
        model="kimi-k2.6" if chance.random() < 0.7 else "kimi-k2-turbo-preview",
        prompt_tokens=prompt,
        cached_tokens=prompt // 2,
        completion_tokens=chance.randint(60, 400),
        reasoning_tokens=0,
        time_to_first_token_s=chance.uniform(0.5, 1.8),
        duration_s=3.0,
        cost_usd=prompt / 1e6,
    )
    async with database.begin() as tx:
        await usage_store.add(
            tx, call, conversation_id=talk.conversation.id, turn_id=turn.id, person_id=turn.asker_id
        )


async def _backdate(database: Database, talk: StoredConversation, turn: Turn, at: datetime) -> None:
    """Move what was just written into the past."""
    tables = schema.turns, schema.messages, schema.usage, schema.inbox, schema.conversations
    async with database.begin() as tx:
        of = {table: table.c.conversation_id == talk.conversation.id for table in tables[:-1]}
        ended = at + timedelta(seconds=4.2)
        await tx.execute(
            update(schema.turns).where(of[schema.turns]).values(started_at=at, finished_at=ended)
        )
        await tx.execute(update(schema.messages).where(of[schema.messages]).values(created_at=at))
        await tx.execute(update(schema.usage).where(of[schema.usage]).values(created_at=at))
        closed = {"received_at": at, "closed_at": at, "status": EventStatus.DONE}
        await tx.execute(update(schema.inbox).where(of[schema.inbox]).values(**closed))


async def _desk(database: Database) -> None:
    for number, (customer, minutes) in enumerate(
        ((ANN, 4), (MING, 35), (ANN, 900), (ANN, 2_000), (MING, 3_000))
    ):
        talk = await StoredConversation(database, Chat(channel=str(70 + number))).create()
        await talk.say("Please let me speak with a person." if customer is ANN else "我要转人工。", customer)
        now = utc_now() - timedelta(minutes=minutes)
        async with database.begin() as tx:
            opened = await handoffs.add(
                tx,
                conversation_id=talk.conversation.id,
                state=HandoffState.WAITING if number == 0 else HandoffState.STAFF,
                reason=HandoffReason.CUSTOMER,
                customer=customer,
                language=customer.language,
                address=Address(key=talk.conversation.key),
                desk_room=DESK,
                assignee=DANA if number else Person(id="", name=""),
                now=now,
                due_at=None,
            )
            await handoffs.set_desk_thread(tx, opened.id, thread=f"17640000{number}0.000200", ticket=())
            if number > 1:
                replied, ended = now + timedelta(minutes=2 + number), now + timedelta(minutes=30)
                await tx.execute(
                    update(schema.handoffs)
                    .where(schema.handoffs.c.id == opened.id)
                    .values(first_reply_at=replied, ended_at=ended, state=HandoffState.CLOSED)
                )
                await ratings.save(tx, opened.id, 3 + number % 3)
