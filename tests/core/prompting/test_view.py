"""What a prompt shows of a conversation, and whether it fits; ``view_loader`` loads it from the store."""

from dataclasses import replace
from typing import Any

import pytest

from core.domain.addresses import ChatType
from core.domain.stored_passage import StoredPassage
from core.knowledge.finder import FoundPassage
from core.knowledge.query import KnowledgeQuery
from core.knowledge.retrieval import RetrievalResult
from core.prompting.view import PromptView
from core.store.open_work import AvailableContext
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time


async def load(prompting: Any, conversation: StoredConversation) -> PromptView:
    """Load the view of all messages so far."""
    return await prompting.builder.load_current_view(conversation.conversation)


async def test_a_view_holds_the_newest_messages_in_order(
    prompting: Any, conversation: StoredConversation
) -> None:
    """At most as many as the deployment reads; more of them are known to be missing."""
    await prompting.build(history_max_messages=3)
    for number in range(2):
        await conversation.exchange(f"{number}?", f"{number}!")
    view = await load(prompting, conversation)
    assert [message.text for message in view.history] == ["0!", "1?", "1!"]
    assert view.has_older_messages
    assert not view.fits


async def test_the_question_is_every_message_from_its_number_on(
    prompting: Any, conversation: StoredConversation
) -> None:
    """Messages that were merged into one turn belong to the question."""
    await prompting.build()
    await conversation.exchange("Hi.", "Hello!")
    first = await conversation.say("My cup")
    last = await conversation.say("is broken.")
    options = await prompting.options.load(conversation.conversation)
    view = await prompting.views.load(
        conversation.conversation,
        options,
        AvailableContext.unknown(ChatType.DIRECT),
        question_seq=first,
        up_to_seq=last,
    )
    assert [message.text for message in view.question_messages] == ["My cup", "is broken."]
    assert view.fits


async def test_a_view_knows_whether_the_question_alone_is_too_long(
    prompting: Any, conversation: StoredConversation
) -> None:
    """Then no summary can help."""
    await prompting.build()
    turn = await conversation.ask("word " * 4_000)
    options = await prompting.options.load(conversation.conversation)
    view = await prompting.views.load(
        conversation.conversation,
        options,
        AvailableContext.unknown(ChatType.DIRECT),
        question_seq=turn.seq,
        up_to_seq=turn.seq,
    )
    assert view.question_too_long
    assert not replace(view, history=[]).question_too_long


async def test_passages_come_right_before_the_question(
    prompting: Any, conversation: StoredConversation
) -> None:
    """They leave the prefix that Kimi has cached as it was."""
    await prompting.build()
    await conversation.exchange("Hi.", "Hello!")
    turn = await conversation.ask("How do I return a cup?")
    options = await prompting.options.load(conversation.conversation)
    view = await prompting.views.load(
        conversation.conversation,
        options,
        AvailableContext.unknown(ChatType.DIRECT),
        question_seq=turn.seq,
        up_to_seq=turn.seq,
    )
    plain = view.build()
    text = "Cups go back within 30 days."
    entry = StoredPassage(uid="1", label="Returns", heading="", text=text, url="")
    passage = FoundPassage(number=1, entry=entry, relevance=1.0)
    shown = view.with_knowledge(found(passage)).build()
    assert len(shown.messages) == len(plain.messages) + 1
    assert shown.messages[-1] == plain.messages[-1]
    assert shown.messages[:-2] == plain.messages[:-1]
    assert "30 days" in str(shown.messages[-2].content)
    assert view.with_knowledge(found()) is view


def found(*passages: FoundPassage) -> RetrievalResult:
    """Return what a search found in a chat that is not strict."""
    return RetrievalResult(query=KnowledgeQuery(text=""), passages=passages)
