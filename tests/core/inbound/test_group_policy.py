"""A chat's rules applied to messages: at intake, and again right before the answer.

``core.chat_policy.reply_policy`` decides on facts and has its own tests; here they come from the store.
"""

from datetime import timedelta

import pytest

from core.chat_policy import ChatRules, ReplyDecision, Trigger, parse_hours
from core.domain.events import Mention
from core.inbound.group_policy import claim_closed_notice, muted_by_staff, recheck
from core.inbound.staff import StaffDirectory
from core.store import conversations, rules
from core.store.conversations import Conversation
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, CARL, Chat, group_chat, reply_to, slack_channel

pytestmark = pytest.mark.virtual_time

NINE_TO_FIVE = parse_hours("daily 09:00-17:00 UTC")


async def open_group(inbound: Inbound, chat: Chat, **own: object) -> ChatRules:
    """Give a chat rules by which Carl is staff."""
    made = ChatRules(staff=(CARL.id,), **own)  # type: ignore[arg-type]
    async with inbound.database.begin() as tx:
        await rules.save(tx, made, platform=chat.platform, tenant="", channel=chat.channel, changed_by="")
    inbound.configure(staff=StaffDirectory(inbound.database, inbound.clock))
    return made


async def woken_conversation(inbound: Inbound) -> Conversation:
    """Return the conversation whose queue was woken last."""
    async with inbound.database.read() as tx:
        return await conversations.get(tx, inbound.woken[-1].conversation_id)


@pytest.mark.parametrize(
    ("trigger", "answered"),
    [
        (Trigger.MENTION, ["@bot named"]),
        (Trigger.KEYWORD, ["a refund", "@bot named"]),
        (Trigger.QUESTION, ["chatter", "a refund", "@bot named"]),  # the classifier decides before the answer
        (Trigger.ALWAYS, ["chatter", "a refund", "@bot named"]),
    ],
)
async def test_the_trigger_decides_what_is_a_question(
    inbound: Inbound, trigger: Trigger, answered: list[str]
) -> None:
    """Each trigger includes those before it."""
    chat = group_chat()
    await open_group(inbound, chat, trigger=trigger, keywords=("refund",))
    await inbound.ingest(chat.message("chatter"))
    await inbound.ingest(chat.message("a refund", author=BOB))
    await inbound.ingest(chat.message("@bot named", mention=Mention.BY_NAME))
    assert sorted(await inbound.open_texts()) == sorted(answered)


async def test_each_person_of_a_group_without_threads_has_a_conversation(inbound: Inbound) -> None:
    """Telegram groups have no threads, so people's questions are kept apart."""
    chat = group_chat()
    await open_group(inbound, chat, trigger=Trigger.ALWAYS)
    await inbound.ingest(chat.message("one"))
    await inbound.ingest(chat.message("two", author=BOB))
    await inbound.ingest(chat.message("three"))
    first, second, third = (key.conversation_id for key in inbound.woken)
    assert first == third != second


async def test_a_burst_at_the_top_level_of_a_channel_is_one_thread(inbound: Inbound) -> None:
    """On Slack each message begins a thread; those of one person within seconds belong to the first one."""
    chat = slack_channel()
    await open_group(inbound, chat, trigger=Trigger.ALWAYS, gather_s=1.5)
    await inbound.ingest(chat.message("Hello"))
    chat.wait(1)
    await inbound.ingest(chat.message("I have a question"))
    chat.wait(60)
    await inbound.ingest(chat.message("Another matter"))
    first, second, third = (key.conversation_id for key in inbound.woken)
    assert first == second != third


async def test_the_bot_is_silent_after_staff_has_written(inbound: Inbound) -> None:
    """A person of the team takes the conversation over by writing into it; a mention calls the bot back."""
    chat = slack_channel()
    await open_group(inbound, chat, quiet_s=600)
    question = chat.message("@bot help", mention=Mention.BY_NAME)
    await inbound.ingest(question)
    thread = question.message_id
    conversation = await woken_conversation(inbound)
    await inbound.answer(conversation, "Try this.")
    await inbound.ingest(chat.message("Let me see", author=CARL, thread=thread))
    async with inbound.database.read() as tx:
        assert await muted_by_staff(tx, conversation, chat.now)
        assert not await muted_by_staff(tx, conversation, chat.now + timedelta(seconds=601))
    await inbound.ingest(chat.message("Thanks, but how?", thread=thread))
    assert await inbound.open_texts() == []
    await inbound.ingest(chat.message("@bot and you?", mention=Mention.BY_NAME, thread=thread))
    assert await inbound.open_texts() == ["@bot and you?"]
    async with inbound.database.read() as tx:
        assert not await muted_by_staff(tx, conversation, chat.now)


async def test_staff_that_answers_a_customer_writes_into_their_conversation(inbound: Inbound) -> None:
    """In a Telegram group a reply of staff to a customer belongs to that customer's conversation."""
    chat = group_chat()
    await open_group(inbound, chat, trigger=Trigger.ALWAYS)
    question = chat.message("help")
    await inbound.ingest(question)
    conversation = await woken_conversation(inbound)
    await inbound.ingest(chat.message("Sure", author=CARL, quoted=reply_to(question)))
    assert [line.text for line in await inbound.history(conversation)] == ["help", "Sure"]
    assert await inbound.open_texts() == ["help"]


async def test_recheck_sees_what_happened_since_intake(inbound: Inbound) -> None:
    """A question that staff answers while it waits is not answered by the bot, unless it named the bot."""
    chat = slack_channel()
    made = await open_group(inbound, chat, trigger=Trigger.ALWAYS, quiet_s=600)
    unasked, named = chat.message("How?"), chat.message("@bot how?", mention=Mention.BY_NAME, author=BOB)
    for message in (unasked, named):
        await inbound.ingest(message)
        conversation = await woken_conversation(inbound)
        async with inbound.database.read() as tx:
            assert await recheck(tx, conversation, made, [message]) is ReplyDecision.ANSWER
        await inbound.ingest(chat.message("Like this", author=CARL, thread=message.message_id))
        async with inbound.database.read() as tx:
            decision = await recheck(tx, conversation, made, [message])
        assert decision is (ReplyDecision.IGNORE if message is unasked else ReplyDecision.ANSWER)


async def test_the_closed_text_is_sent_once_in_a_closed_period(inbound: Inbound) -> None:
    """A person gets it for the first question at night; after a crash the same question gets it again."""
    chat = group_chat()
    made = await open_group(
        inbound, chat, trigger=Trigger.ALWAYS, hours=NINE_TO_FIVE, closed_text="Back at {opens}."
    )
    chat.wait(timedelta(hours=10).total_seconds())  # 20:00
    first, second = chat.message("one"), chat.message("two")
    async with inbound.database.begin() as tx:
        key = first.address.key
        assert await claim_closed_notice(tx, key, made, first, 1) == "Back at 2026-11-25 09:00."
        assert await claim_closed_notice(tx, key, made, second, 2) == ""
        assert await claim_closed_notice(tx, key, made, first, 1) == "Back at 2026-11-25 09:00."
    chat.wait(timedelta(days=1).total_seconds())
    async with inbound.database.begin() as tx:
        assert await claim_closed_notice(tx, key, made, chat.message("three"), 3) != ""


async def test_a_message_in_a_conversation_without_the_bot_leaves_nothing(inbound: Inbound) -> None:
    """What nobody addressed to the bot is not stored in a chat with rules either."""
    chat = group_chat()
    await open_group(inbound, chat, trigger=Trigger.REPLY)
    assert not await inbound.ingest(chat.message("Lunch?", author=ANN))
    assert await inbound.open_texts() == []
