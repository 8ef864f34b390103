"""Summaries are versions, stored by whoever is first and used only while they are true."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from core.domain.addresses import ChatType, ThreadKey
from core.domain.message_content import MessageContent, MessageRole
from core.store import Database, conversation_settings, conversations, history, summaries, usage
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.summaries import Summary

KEY = ThreadKey(platform="telegram", tenant="1", channel="42", thread="")
FIRST = Summary(
    version=1, up_to_seq=5, text="Notes.", messages=4, created_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
)
SECOND = replace(FIRST, version=2, up_to_seq=9, text="More notes.", messages=8)


@pytest.fixture
async def conversation(database: Database) -> Conversation:
    """A conversation with messages 1 to 9."""
    async with database.begin() as tx:
        made = await conversations.get_or_create(tx, KEY, ChatType.DIRECT)
        for seq in range(1, 10):
            line = HistoryMessage(
                seq=seq,
                role=MessageRole.USER,
                content=MessageContent(text=f"Word {seq}"),
                author_id="7",
                author="Ann",
            )
            await history.append(tx, line, conversation_id=made.id, message_id=str(seq))
        return made


async def test_the_newest_version_counts_and_the_first_writer_wins(
    database: Database, conversation: Conversation
) -> None:
    """A second summary with the same version is not stored; versions follow each other."""
    async with database.begin() as tx:
        assert await summaries.get_newest_version(tx, conversation.id) == 0
        assert await summaries.get_latest(tx, conversation) is None
        assert await summaries.add(tx, conversation.id, FIRST, previous=None)
        assert not await summaries.add(tx, conversation.id, replace(FIRST, text="Late."), previous=None)
        assert await summaries.get_latest(tx, conversation) == FIRST
        assert await summaries.add(tx, conversation.id, SECOND, previous=FIRST)
        assert await summaries.get_latest(tx, conversation) == SECOND
        assert await summaries.get_newest_version(tx, conversation.id) == 2


async def test_a_question_that_is_asked_again_is_not_in_its_own_summary(
    database: Database, conversation: Conversation
) -> None:
    """With a seq, only summaries of what came before it are used."""
    async with database.begin() as tx:
        await summaries.add(tx, conversation.id, FIRST, previous=None)
        await summaries.add(tx, conversation.id, SECOND, previous=FIRST)
        assert await summaries.get_latest(tx, conversation, before_seq=9) == FIRST
        assert await summaries.get_latest(tx, conversation, before_seq=10) == SECOND


async def test_what_was_forgotten_is_not_in_a_summary(database: Database, conversation: Conversation) -> None:
    """After /new a summary of what was said before it is not used any more."""
    async with database.begin() as tx:
        await summaries.add(tx, conversation.id, FIRST, previous=None)
        await conversations.set_history_cutoff(tx, conversation.id, 6)
        begun_anew = await conversations.get(tx, conversation.id)
        assert await summaries.get_latest(tx, begun_anew) is None


async def test_changed_words_take_their_summaries_away(
    database: Database, conversation: Conversation
) -> None:
    """An edit drops every summary that tells of the message, and none can be built upon them."""
    async with database.begin() as tx:
        await summaries.add(tx, conversation.id, FIRST, previous=None)
        await summaries.add(tx, conversation.id, SECOND, previous=FIRST)
        assert await history.edit_user_message(tx, conversation.id, "7", "Another word")
        assert await summaries.get_latest(tx, conversation) == FIRST
        third = replace(SECOND, version=3, up_to_seq=10)
        assert not await summaries.add(tx, conversation.id, third, previous=SECOND)
        assert not await history.edit_user_message(tx, conversation.id, "none", "Nothing")


async def test_history_is_read_from_either_end(database: Database, conversation: Conversation) -> None:
    """The oldest and the newest lines of a range, each oldest first."""
    async with database.read() as tx:
        oldest = await history.load_oldest(tx, conversation.id, after_seq=2, up_to_seq=8, limit=2)
        newest = await history.load_recent(tx, conversation.id, after_seq=2, up_to_seq=8, limit=2)
    assert [line.seq for line in oldest] == [3, 4]
    assert [line.seq for line in newest] == [7, 8]


async def test_choices_are_set_and_taken_back(database: Database, conversation: Conversation) -> None:
    """Each choice stands by itself; an empty one is gone."""
    async with database.begin() as tx:
        await conversation_settings.save(tx, conversation.id, conversation_settings.MODEL, "kimi-k3")
        await conversation_settings.save(tx, conversation.id, conversation_settings.MODEL, "kimi-k2.6")
        await conversation_settings.save(tx, conversation.id, conversation_settings.THINKING, "off")
        assert await conversation_settings.load(tx, conversation.id) == {
            "model": "kimi-k2.6",
            "thinking": "off",
        }
        await conversation_settings.save(tx, conversation.id, conversation_settings.MODEL, "")
        assert await conversation_settings.load(tx, conversation.id) == {"thinking": "off"}


async def test_a_conversation_that_asked_nothing_used_nothing(
    database: Database, conversation: Conversation
) -> None:
    """Sums over no calls are zero."""
    async with database.read() as tx:
        assert await usage.prompt_token_totals(tx, conversation.id) == (0, 0)
