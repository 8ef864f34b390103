"""What decides how a turn is answered is found by one look, of its own conversation alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.access import RefusalReason
from core.chat_policy import ChatRules
from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived, Mention, MessageReceived
from core.domain.message_content import MessageContent, MessageRole
from core.domain.queue import EventStatus, Lane, QueueKey
from core.domain.turn_states import Outcome
from core.store import (
    Database,
    canned,
    conversation_settings,
    conversations,
    history,
    inbox,
    knowledge,
    open_work,
    rules,
    summaries,
    turns,
)
from core.store.history import HistoryMessage
from core.store.knowledge import DEPLOYMENT, Owner
from core.store.open_work import AvailableContext, OpenWork
from core.store.summaries import Summary

KEY = ThreadKey(platform="slack", tenant="T1", channel="C1", thread="1.0")
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
ANN = Person(id="U1", name="Ann")


async def ask(
    database: Database, text: str, *, key: ThreadKey = KEY, scene: ChatType = ChatType.GROUP
) -> QueueKey:
    """Store an open question with its words; return its line of work."""
    async with database.begin() as tx:
        talk = await conversations.get_or_create(tx, key, scene)
        said = MessageReceived(
            delivery_id=f"{key.channel}:{text}",
            message_id=text[:8],
            address=Address(key=key),
            author=ANN,
            text=text,
            sent_at=NOW,
            chat_type=scene,
            mention=Mention.BY_NAME,
        )
        seq = await inbox.add(tx, said, conversation_id=talk.id, lane=Lane.TURNS, status=EventStatus.OPEN)
        line = HistoryMessage(
            seq=seq, role=MessageRole.USER, content=MessageContent(text=text), author_id="U1", author="Ann"
        )
        await history.append(tx, line, conversation_id=talk.id)
    return QueueKey(talk.id, Lane.TURNS)


async def answered(database: Database, work: QueueKey) -> None:
    """Close the oldest open question of a line of work."""
    async with database.begin() as tx:
        item = (await inbox.load_open_items(tx, work, limit=1))[0]
        turn = await turns.claim(
            tx, conversation_id=work.conversation_id, inbox_id=item.id, seq=item.id, asker_id="U1"
        )
        await turns.finish(tx, turn, outcome=Outcome.COMPLETE)
        await inbox.set_status(tx, [item.id], EventStatus.DONE)


async def look(database: Database, work: QueueKey) -> OpenWork:
    """Return a line's agenda."""
    async with database.read() as tx:
        found = await open_work.load_open_work(tx, work, limit=9, file_marker="@file")
    assert found is not None
    return found


async def test_nothing_open_is_no_agenda(database: Database) -> None:
    """A line of work without open events has no agenda."""
    work = await ask(database, "plum")
    await answered(database, work)
    async with database.read() as tx:
        assert await open_work.load_open_work(tx, work, limit=9, file_marker="@file") is None


async def test_open_events_come_in_order(database: Database) -> None:
    """The oldest open events come first, and no more than asked for."""
    work = await ask(database, "first")
    for text in ("second", "third"):
        await ask(database, text)
    found = await look(database, work)
    assert [item.event.text for item in found.items if isinstance(item.event, MessageReceived)] == [
        "first",
        "second",
        "third",
    ]
    async with database.read() as tx:
        one = await open_work.load_open_work(tx, work, limit=1, file_marker="@file")
    assert one is not None
    assert len(one.items) == 1
    assert found.conversation.key == KEY


async def test_a_store_with_nothing_else_says_so(database: Database) -> None:
    """Where nothing was chosen, taught, sent or noted, nothing has to be looked for."""
    found = await look(database, await ask(database, "plum"))
    assert found.available_context == AvailableContext(
        rules=None,
        chat_type=ChatType.GROUP,
        has_settings=False,
        has_canned_responses=False,
        has_knowledge=False,
        has_files=False,
        has_summaries=False,
    )


async def test_what_a_conversation_has_is_found(database: Database) -> None:
    """Choices, ready answers, notes and refusals of the very conversation are told."""
    work = await ask(database, "plum")
    async with database.begin() as tx:
        await conversation_settings.save(tx, work.conversation_id, conversation_settings.MODEL, "kimi-k2.6")
        await canned.save(tx, KEY, question="q", answer="a", author_id="U1")
        note = Summary(version=1, up_to_seq=1, text="n", messages=1, created_at=NOW)
        assert await summaries.add(tx, work.conversation_id, note, previous=None)
        await inbox.save_refusal(
            tx, (await inbox.load_open_items(tx, work, limit=1))[0].id, RefusalReason.FLOOD
        )
    found = await look(database, work)
    known = found.available_context
    assert (known.has_settings, known.has_canned_responses, known.has_summaries) == (True, True, True)
    assert [item.refusal_reason for item in found.items] == [RefusalReason.FLOOD]
    other = await look(database, await ask(database, "pear", key=replace(KEY, channel="C2")))
    assert (
        other.available_context.has_settings,
        other.available_context.has_canned_responses,
        other.available_context.has_summaries,
    ) == (False,) * 3


@pytest.mark.parametrize(
    ("owner", "known"),
    [
        (DEPLOYMENT, True),
        (Owner(platform="slack", tenant="T1"), True),
        (Owner(platform="slack", tenant="T2"), False),
    ],
)
async def test_knowledge_is_the_tenants_or_the_deployments(
    database: Database, owner: Owner, known: bool
) -> None:
    """Another tenant's sets are nothing to look into."""
    async with database.begin() as tx:
        await knowledge.get_or_create_set(tx, owner, "shop")
    assert (await look(database, await ask(database, "plum"))).available_context.has_knowledge is known


async def test_rules_speak_in_groups_only(database: Database) -> None:
    """A direct conversation keeps its chat's rules on knowledge, but no group's rules on speaking."""
    async with database.begin() as tx:
        for channel in ("C1", "D1"):
            where = {"platform": "slack", "tenant": "", "channel": channel}
            await rules.save(tx, ChatRules(strict=True), **where, changed_by="")
    group = (await look(database, await ask(database, "plum"))).available_context
    assert group.group_rules == group.rules == ChatRules(strict=True)
    direct = replace(KEY, channel="D1")
    alone = (
        await look(database, await ask(database, "plum", key=direct, scene=ChatType.DIRECT))
    ).available_context
    assert (alone.rules, alone.group_rules) == (ChatRules(strict=True), None)


async def test_a_question_may_name_a_file(database: Database) -> None:
    """A reference counts in any case, since the answer before, whatever happened elsewhere meanwhile."""
    work = await ask(database, "What is in @FILE-plan.pdf?")
    elsewhere = await ask(database, "pear", key=replace(KEY, channel="C2"))
    await answered(database, elsewhere)
    await ask(database, "cherry", key=replace(KEY, channel="C3"))
    assert (await look(database, work)).available_context.has_files
    await answered(database, work)
    await ask(database, "thanks")
    assert not (await look(database, work)).available_context.has_files


async def test_another_answer_may_mean_an_earlier_file(database: Database) -> None:
    """A command to answer again is looked at with the earlier question's files."""
    work = await ask(database, "plum")
    await answered(database, work)
    retry = CommandReceived(
        delivery_id="r",
        message_id="r",
        command=CommandName.RETRY,
        argument="",
        address=Address(key=KEY),
        author=ANN,
        sent_at=NOW,
        chat_type=ChatType.GROUP,
    )
    async with database.begin() as tx:
        await inbox.add(
            tx, retry, conversation_id=work.conversation_id, lane=Lane.TURNS, status=EventStatus.OPEN
        )
    assert (await look(database, work)).available_context.has_files
