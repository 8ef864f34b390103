"""What a person approves is what they see, and what came of it survives the process."""

from typing import Any

import pytest

from core.access import AccessLists
from core.answering.approvals import DENIED, EXPIRED, UNKNOWN, Approvals, card_text, with_waiting_calls
from core.answering.turn_question import NoKnowledgeReply, Question
from core.domain.addresses import ChatType
from core.domain.clock import Clock
from core.domain.tool_approval import ApprovalCall, ToolApproval, ToolDecision
from core.kimi import ImagePart, Message, TextPart, ToolCall, text_of
from core.ports.tools import Approval, ImageData, SourceLink, Tool, ToolResult
from core.store import Database, turns
from core.store.clock import utc_now
from core.store.open_work import AvailableContext
from core.tools.tool_runner import ToolRunner
from core.tools.transcripts import encode_transcript
from tests.stored_conversation import StoredConversation

pytestmark = pytest.mark.virtual_time

CALLS = (ToolCall("1", "order", '{"article": "mug"}'),)
ROUND = Message(role="assistant", content="", reasoning=" ", tool_calls=CALLS)


def approval_of(arguments: str = "{}", **values: Any) -> ToolApproval:
    """A question about one call."""
    calls = (ApprovalCall(id="1", name="order", arguments=arguments),)
    given = {"text": "", "transcript": encode_transcript([ROUND]), "calls": calls, "expires_at": utc_now()}
    return ToolApproval(**{**given, **values})


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_card_shows_what_will_be_called_and_what_it_leaves_out(language: Any) -> None:
    """We chose: characters that nobody sees are spelt out, a cut is told, and no fence can be left."""
    text = card_text(approval_of('{"a": "safe\u202eevil```\\n**bold**"}'), language)
    assert "safe\\u202eevil" in text
    assert "````json" in text
    assert "not shown" not in text
    long = card_text(approval_of('{"a": "' + "x" * 5_000 + '"}'), language)
    assert ("2,009 more characters are not shown" if language == "en" else "还有 2,009 个字符未显示") in long


def test_later_prompts_know_of_calls_that_wait() -> None:
    """Else Kimi would make them again for the next question; an answer that asks nothing is as it is."""
    asked = with_waiting_calls("Let me order.\n\n", approval_of())
    assert asked.startswith("Let me order.\n\n[Calls that wait")
    assert with_waiting_calls("", approval_of()).startswith("[Calls that wait")
    assert with_waiting_calls(" as it is ", None) == " as it is "


class Shop:
    """A tool that orders, with a picture and a page; counts its calls."""

    def __init__(self) -> None:
        self.orders = 0

    def runner(self, clock: Clock, **how: Any) -> ToolRunner:
        """What runs it for one attempt of an answer."""
        definition = {"type": "function", "function": {"name": "order"}}
        tool = Tool(name="order", definition=definition, run=self._order, approval=Approval.ASK)
        return ToolRunner([tool], clock, on_progress=lambda _: None, reads_images=True, **how)

    async def _order(self, arguments: str) -> ToolResult:
        self.orders += 1
        pages = (SourceLink(url="https://a.test/mug", title="Mug"),)
        picture = ImageData(media_type="image/png", base64="aa")
        return ToolResult(text="ordered", sources=pages, images=(picture,))


@pytest.fixture
async def conversation(virtual_database: Database) -> StoredConversation:
    """An empty conversation."""
    return await StoredConversation(virtual_database).create()


async def decided(stored: StoredConversation, approval: ToolApproval) -> Question:
    """A turn that goes on with a decision."""
    turn = await stored.ask("A mug, please.")
    async with stored.database.begin() as tx:
        await turns.save_approval(tx, turn, approval)
    return await question_of(stored, turn.id)


async def question_of(stored: StoredConversation, turn_id: int) -> Question:
    """A turn as the next attempt has it."""
    async with stored.database.read() as tx:
        turn = await turns.get(tx, turn_id)
    assert turn is not None
    return Question(
        turn=turn,
        conversation=stored.conversation,
        person_id=turn.asker_id,
        language="en",
        available_context=AvailableContext.unknown(ChatType.DIRECT),
        no_knowledge=nobody_knows,
    )


async def nobody_knows() -> NoKnowledgeReply:
    """Nothing is asked of the documents."""
    return NoKnowledgeReply(text="")


async def test_a_decided_call_is_made_once_whatever_comes_of_the_process(
    conversation: StoredConversation, loop_clock: Clock
) -> None:
    """The attempt that calls has the picture; a later one has the text and the page, and calls nothing."""
    shop, approvals = Shop(), Approvals(conversation.database, AccessLists())
    question = await decided(conversation, approval_of(decision=ToolDecision.APPROVE))
    (_, result) = await approvals.resume(question, shop.runner(loop_clock))
    assert result.content == (TextPart("ordered"), ImagePart("data:image/png;base64,aa"))
    question = await question_of(conversation, question.turn.id)
    (_, result) = await approvals.resume(question, shop.runner(loop_clock))
    assert text_of(result.content) == "ordered\n[1 images are left out]"
    assert shop.orders == 1
    assert question.turn.approval is not None
    assert question.turn.approval.sources == (("https://a.test/mug", "Mug"),)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"decision": ToolDecision.APPROVE, "is_started": True}, UNKNOWN),
        ({"decision": ToolDecision.APPROVE, "expired": True}, EXPIRED),
        ({"decision": ToolDecision.ALWAYS, "expired": True}, EXPIRED),
        ({"decision": ToolDecision.DENY}, DENIED),
    ],
)
async def test_a_call_that_may_have_been_made_or_may_not_be_made_is_told(
    conversation: StoredConversation, loop_clock: Clock, values: dict[str, Any], told: str
) -> None:
    """Killed in the middle of the call, pressed too late, or denied: Kimi hears it, and nothing is called."""
    shop, approvals = Shop(), Approvals(conversation.database, AccessLists())
    question = await decided(conversation, approval_of(**values))
    (_, result) = await approvals.resume(question, shop.runner(loop_clock))
    assert (result.content, shop.orders) == (told, 0)
