"""Messages, edits and arrivals in a chat without rules: what is answered, kept as context, or not stored."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.chat_policy import ChatRules
from core.domain.addresses import Address, ChatType
from core.domain.events import BotAccessChanged, Mention
from core.domain.message_content import (
    ContentKind,
    ForwardOrigin,
    OtherContent,
    ReplyContext,
    UnsupportedContent,
)
from core.domain.queue import Lane
from core.domain.turn_states import CancelReason
from core.store import files, rules
from core.store.clock import utc_now
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, Chat, direct_chat, group_chat, picture, reply_to, slack_channel

pytestmark = pytest.mark.virtual_time


async def test_every_message_of_a_direct_chat_is_a_question(inbound: Inbound) -> None:
    """In a direct chat each message addresses the bot."""
    chat = direct_chat()
    await inbound.ingest(chat.message("one"))
    await inbound.ingest(chat.message("two"))
    assert await inbound.open_texts() == ["one", "two"]


@pytest.mark.parametrize("has_root", [True, False])
async def test_nothing_is_before_the_message_that_begins_a_thread(
    inbound: Inbound, *, has_root: bool
) -> None:
    """Its conversation needs no look at the platform, other than one that begins within a thread."""
    chat = slack_channel()
    root = chat.message("one", author=BOB)
    thread = root.message_id if has_root else ""
    question = chat.message("two", mention=Mention.BY_NAME, thread=thread)
    await inbound.ingest(question)
    conversation = await inbound.conversation(chat, thread or question.message_id)
    assert conversation is not None
    assert conversation.backfilled is not has_root


async def test_a_follow_up_of_the_only_person_needs_no_mention(inbound: Inbound) -> None:
    """In a thread that one person has with the bot, their next message is a question."""
    chat = slack_channel()
    question = chat.message("one", mention=Mention.BY_NAME)
    await inbound.ingest(question)
    await inbound.ingest(chat.message("two", thread=question.message_id))
    assert await inbound.open_texts() == ["one", "two"]


async def test_others_in_a_thread_are_context_until_the_bot_is_mentioned(inbound: Inbound) -> None:
    """A thread of several people goes on without the bot; it reads along and answers when addressed."""
    chat = slack_channel()
    question = chat.message("one", mention=Mention.BY_NAME)
    await inbound.ingest(question)
    thread = question.message_id
    await inbound.ingest(chat.message("I disagree", author=BOB, thread=thread))
    await inbound.ingest(chat.message("me too", thread=thread))
    assert await inbound.open_texts() == ["one"]
    await inbound.ingest(chat.message("@bot who is right?", mention=Mention.BY_NAME, thread=thread))
    assert await inbound.open_texts() == ["one", "@bot who is right?"]
    conversation = await inbound.conversation(chat, thread)
    assert conversation is not None
    assert [line.text for line in await inbound.history(conversation)] == [
        "one",
        "I disagree",
        "me too",
        "@bot who is right?",
    ]


async def test_what_cannot_be_read_is_no_follow_up(inbound: Inbound) -> None:
    """A sticker that nobody addressed to the bot asks nothing."""
    chat = slack_channel()
    question = chat.message("one", mention=Mention.BY_NAME)
    await inbound.ingest(question)
    await inbound.ingest(
        chat.message("", thread=question.message_id, unsupported_content=UnsupportedContent.STICKER)
    )
    assert await inbound.open_texts() == ["one"]


async def test_a_reply_continues_its_conversation(inbound: Inbound) -> None:
    """In a Telegram group a reply to a known message belongs to that message's conversation."""
    chat = group_chat()
    question = chat.message("one", mention=Mention.BY_NAME)
    await inbound.ingest(question)
    await inbound.ingest(chat.message("two", quoted=reply_to(question)))
    keys = {key.conversation_id for key in inbound.woken}
    assert len(keys) == 1
    assert await inbound.open_texts() == ["one", "two"]


async def test_a_message_interrupts_the_running_answer_if_so_set(inbound: Inbound) -> None:
    """By default a question waits; with WHILE_ANSWERING=interrupt it ends the running answer."""
    chat = direct_chat()
    await inbound.ingest(chat.message("one"))
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    _, answer = await inbound.begin_answer(conversation)
    await inbound.ingest(chat.message("two"))
    assert answer.cancel_reason is None
    inbound.configure(interrupt_running=True)
    await inbound.ingest(chat.message("three"))
    assert answer.cancel_reason is CancelReason.INTERRUPT


async def test_an_album_is_a_question_if_one_of_its_messages_is(inbound: Inbound) -> None:
    """Telegram delivers an album as messages of their own, of which one carries the caption."""
    chat = group_chat()
    parts = [
        chat.message("", media_group_id="7", attachments=(picture("a.jpg"),)),
        chat.message("", media_group_id="7", attachments=(picture("b.jpg"),)),
        chat.message("@bot what is it?", mention=Mention.BY_NAME, media_group_id="7"),
        chat.message("", media_group_id="7", attachments=(picture("c.jpg"),)),
    ]
    for part in parts:
        assert await inbound.ingest(part)
    assert await inbound.open_events() == parts


async def test_an_album_that_addresses_nobody_stays_unread(inbound: Inbound) -> None:
    """Its messages are recorded, as a later one may address the bot, but nothing is answered."""
    chat = group_chat()
    for name in ("a.jpg", "b.jpg"):
        assert await inbound.ingest(chat.message("", media_group_id="7", attachments=(picture(name),)))
    assert await inbound.open_events() == []
    assert inbound.woken == []


async def test_an_edit_of_the_latest_question_answers_it_anew(inbound: Inbound) -> None:
    """The running answer is cancelled, and the new text is what Kimi will read."""
    chat = direct_chat()
    question = chat.message("Wyh?")
    await inbound.ingest(question)
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    _, answer = await inbound.begin_answer(conversation)
    edit = chat.edit(question, "Why?")
    assert await inbound.ingest(edit)
    assert answer.cancel_reason is CancelReason.RETRY
    assert (await inbound.open_events())[-1] == edit
    assert [line.text for line in await inbound.history(conversation)] == ["Why?"]


async def test_an_edit_of_an_older_message_only_changes_the_history(inbound: Inbound) -> None:
    """Only the latest question is answered anew."""
    chat = direct_chat()
    first = chat.message("one")
    await inbound.ingest(first)
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    await inbound.answer(conversation, "1")
    await inbound.ingest(chat.message("two"))
    await inbound.answer(conversation, "2")
    assert await inbound.ingest(chat.edit(first, "ONE"))
    assert await inbound.open_events() == []
    assert [line.text for line in await inbound.history(conversation)] == ["ONE", "1", "two", "2"]


async def test_edits_are_not_answered_if_so_set(inbound: Inbound) -> None:
    """With ANSWER_EDITS=off an edit changes the history and nothing else."""
    inbound.configure(answer_edits=False)
    chat = direct_chat()
    question = chat.message("Wyh?")
    await inbound.ingest(question)
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    await inbound.answer(conversation, "1")
    await inbound.ingest(chat.edit(question, "Why?"))
    assert await inbound.open_events() == []
    assert [line.text for line in await inbound.history(conversation)] == ["Why?", "1"]


async def test_an_edit_without_new_text_is_ignored(inbound: Inbound) -> None:
    """Platforms report a link preview or a pin as an edit."""
    chat = direct_chat()
    question = chat.message("Why?")
    await inbound.ingest(question)
    assert not await inbound.ingest(chat.edit(question, "Why?"))
    assert not await inbound.ingest(chat.edit(chat.message("never delivered"), "Why?"))


async def test_an_edit_of_the_picture_answers_it_anew(inbound: Inbound) -> None:
    """A picture replaced under the same caption is another question; its file is read instead."""
    chat = direct_chat()
    question = chat.message("What is it?", attachments=(picture("a.jpg"),))
    await inbound.ingest(question)
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    _, answer = await inbound.begin_answer(conversation)
    assert not await inbound.ingest(chat.edit(question, "What is it?"))
    assert await inbound.ingest(chat.edit(question, "What is it?", attachments=(picture("b.jpg"),)))
    assert answer.cancel_reason is CancelReason.RETRY
    (line,) = await inbound.history(conversation)
    assert [file.name for file in line.content.attachments] == ["b.jpg"]
    async with inbound.database.read() as tx:
        found = await files.load(tx, conversation.id, after_seq=-1, up_to_seq=10_000)
    assert [(file.attachment.name, file.seq) for file in found] == [("b.jpg", line.seq)]


@pytest.mark.parametrize("chat", [group_chat(), slack_channel()])
async def test_a_mention_that_an_edit_adds_is_a_question_once(inbound: Inbound, chat: Chat) -> None:
    """People forget the mention and add it; a second edit or a redelivery asks nothing more."""
    said = chat.message("what is 2+2?")
    assert not await inbound.ingest(said)
    edit = chat.edit(said, "what is 2+2?", mention=Mention.BY_NAME)
    assert await inbound.ingest(edit)
    assert not await inbound.ingest(edit)
    assert await inbound.open_texts() == ["what is 2+2?"]
    conversation = await inbound.conversation(chat, said.message_id)
    assert conversation is not None
    await inbound.answer(conversation, "4")
    await inbound.ingest(chat.edit(said, "what is 2+3?", mention=Mention.BY_NAME))
    assert [line.text for line in await inbound.history(conversation)] == ["what is 2+3?", "4"]
    assert len(await inbound.open_events()) == 1


async def test_a_mention_added_to_context_is_a_question(inbound: Inbound) -> None:
    """In a thread of several people an earlier remark becomes the question; it is not there twice."""
    chat = slack_channel()
    question = chat.message("one", mention=Mention.BY_NAME)
    await inbound.ingest(question)
    thread = question.message_id
    conversation = await inbound.conversation(chat, thread)
    assert conversation is not None
    await inbound.answer(conversation, "1")
    remark = chat.message("is that so?", author=BOB, thread=thread)
    await inbound.ingest(remark)
    assert await inbound.open_texts() == []
    await inbound.ingest(chat.edit(remark, "@bot is that so?", mention=Mention.BY_NAME))
    assert await inbound.open_texts() == ["@bot is that so?"]
    assert [line.text for line in await inbound.history(conversation)] == ["one", "1", "@bot is that so?"]


async def test_a_mention_added_much_later_asks_nothing(inbound: Inbound) -> None:
    """After a quarter of an hour nobody waits for an answer to the old message."""
    chat = group_chat()
    said = chat.message("what is 2+2?")
    chat.wait(16 * 60)
    assert not await inbound.ingest(chat.edit(said, "what is 2+2?", mention=Mention.BY_NAME))


async def test_a_new_member_is_welcomed_once(inbound: Inbound) -> None:
    """A person who leaves and comes back is not welcomed again; without rules nobody is."""
    chat = group_chat()
    assert not await inbound.ingest(chat.join(ANN))
    async with inbound.database.begin() as tx:
        await rules.save(
            tx,
            ChatRules(welcome="Hello {name}!"),
            platform="telegram",
            tenant="",
            channel=chat.channel,
            changed_by="",
        )
    joined = chat.join(BOB)
    assert await inbound.ingest(joined)
    assert await inbound.open_events(Lane.COMMANDS) == [joined]
    chat.wait(timedelta(days=1).total_seconds())
    assert await inbound.ingest(chat.join(BOB))
    assert await inbound.open_events(Lane.COMMANDS) == [joined]


async def test_a_reply_tells_which_message_is_meant(inbound: Inbound) -> None:
    """In a known conversation a reply to anything but the latest answer comes with what it replies to."""
    chat = group_chat()
    question = chat.message("one", mention=Mention.BY_NAME)
    await inbound.ingest(question)
    conversation = await inbound.conversation(chat, question.message_id)
    assert conversation is not None
    turns = [await inbound.answer(conversation, "1")]
    await inbound.ingest(chat.message("two", quoted=reply_to(question)))
    turns.append(await inbound.answer(conversation, "2"))
    answers = [ReplyContext(message_id=f"A{turn.id}", text="an answer", by_bot=True) for turn in turns]
    chosen = replace(answers[1], selection="answer")
    for number, reply in enumerate([answers[1], answers[0], chosen], 3):
        await inbound.ingest(chat.message(f"q{number}", quoted=reply, mention=Mention.REPLY))
    replies = [
        line.content.reply for line in await inbound.history(conversation) if line.content.text[0] in "tq"
    ]
    assert replies == [reply_to(question), None, answers[0], chosen]


async def test_files_of_a_replied_message_are_files_of_the_question(inbound: Inbound) -> None:
    """A photo that the bot has not seen comes with the reply to it; a known one does not come twice."""
    chat = group_chat()
    photo = picture("a.jpg")
    unseen = replace(reply_to(chat.message("", author=BOB)), attachments=(photo,))
    await inbound.ingest(chat.message("what is it?", mention=Mention.BY_NAME, quoted=unseen))
    known = chat.message("and this?", mention=Mention.BY_NAME, attachments=(picture("b.jpg"),))
    await inbound.ingest(known)
    again = replace(reply_to(known), attachments=known.attachments)
    await inbound.ingest(chat.message("bigger?", mention=Mention.BY_NAME, quoted=again))
    async with inbound.database.read() as tx:
        rows = [
            (file.attachment.name, file.author_id)
            for conversation in (1, 2)
            for file in await files.load(tx, conversation, after_seq=-1, up_to_seq=10_000)
        ]
    assert rows == [("a.jpg", BOB.id), ("b.jpg", ANN.id)]


async def test_everything_of_a_message_is_history(inbound: Inbound) -> None:
    """Origin, other content and what could not be read are stored as they came."""
    chat = direct_chat()
    event = chat.message(
        "see",
        forwarded_from=ForwardOrigin(channel="News"),
        other=(OtherContent(kind=ContentKind.POLL, text="Poll: Tea?"),),
        unsupported_content=UnsupportedContent.VOICE,
        quoted=ReplyContext(
            message_id="", author="Bob", unsupported=(UnsupportedContent.VOICE,), channel="Team"
        ),
    )
    await inbound.ingest(event)
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    assert [line.content for line in await inbound.history(conversation)] == [event.content]
    assert await inbound.open_events() == [event]


async def test_a_stale_question_of_a_group_is_context(inbound: Inbound) -> None:
    """We chose: after downtime a group's old mentions are not answered; a direct chat's questions are."""
    inbound.configure(backlog=timedelta(minutes=60))
    group, direct = group_chat(), direct_chat()
    group.now = direct.now = utc_now() - timedelta(minutes=61)
    old = group.message("old", mention=Mention.BY_NAME)
    assert await inbound.ingest(old)
    assert await inbound.ingest(direct.message("old, in private"))
    assert await inbound.open_texts() == ["old, in private"]
    group.wait(2 * 60)
    await inbound.ingest(group.message("new", mention=Mention.BY_NAME, quoted=reply_to(old)))
    assert await inbound.open_texts() == ["old, in private", "new"]
    conversation = await inbound.conversation(group, old.message_id)
    assert conversation is not None
    assert [line.text for line in await inbound.history(conversation)] == ["old", "new"]


async def test_a_group_that_adds_the_bot_is_greeted(inbound: Inbound) -> None:
    """Being added is greeted once; being muted, thrown out or added without a voice is not."""
    group = group_chat()

    def access(number: int, *, is_added: bool, can_write: bool) -> BotAccessChanged:
        return BotAccessChanged(
            delivery_id=f"access:{number}",
            address=Address(key=group.key()),
            author=ANN,
            sent_at=group.now,
            chat_type=ChatType.GROUP,
            can_write=can_write,
            is_added=is_added,
            bot_name="moon_bot",
        )

    added = access(1, is_added=True, can_write=True)
    assert await inbound.ingest(added)
    assert not await inbound.ingest(added)
    for number, (is_added, can_write) in enumerate(((False, False), (False, True), (True, False)), 2):
        assert not await inbound.ingest(access(number, is_added=is_added, can_write=can_write))
    assert await inbound.open_events(Lane.COMMANDS) == [added]


async def test_a_forward_right_after_its_comment_interrupts_the_comments_answer(inbound: Inbound) -> None:
    """Delivered apart, a comment is being answered when what it is about arrives: both are one question."""
    chat = direct_chat()
    origin = ForwardOrigin(channel="News")
    await inbound.ingest(chat.message("is this true?"))
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    _, answer = await inbound.begin_answer(conversation)
    chat.wait(10)
    await inbound.ingest(chat.message("old news", forwarded_from=origin))
    assert answer.cancel_reason is None
    chat.now -= timedelta(seconds=9)
    await inbound.ingest(chat.message("news", forwarded_from=origin))
    assert answer.cancel_reason is CancelReason.INTERRUPT
