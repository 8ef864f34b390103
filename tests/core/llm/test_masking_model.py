"""A model that never receives secrets, and people who never see placeholders."""

import contextlib
from typing import Any

import pytest

from core.kimi import (
    ChatRequest,
    Finished,
    ImagePart,
    KimiStreamInterrupted,
    Message,
    ReasoningDelta,
    TextDelta,
    TextPart,
    ToolCall,
)
from core.llm.masking_model import (
    OFFLOAD_CHARS,
    MaskingApi,
    MaskingModel,
    mask_request,
    masking_token_counter,
)
from core.ports.chat_model import CallContext
from core.redaction.masking import Masker
from core.redaction.patterns import PiiKind
from core.testing.scripted_model import ScriptedModel, ScriptedReply

pytestmark = pytest.mark.virtual_time

CARD = "4111 1111 1111 1111"
MASKER = Masker(set(PiiKind), {"Bluebird": "codename"})


def request(*messages: Message) -> ChatRequest:
    """A request with these messages."""
    return ChatRequest(messages=messages, model="m", max_completion_tokens=10)


def user(text: str) -> Message:
    """A person's message."""
    return Message(role="user", content=text)


async def reply(script: ScriptedReply, *messages: Message) -> tuple[list[Any], ChatRequest]:
    """Return the events of a reply and the request that the wrapped model received."""
    model = ScriptedModel(script)
    stream = MaskingModel(model, MASKER).stream(request(*messages), CallContext())
    async with contextlib.aclosing(stream) as events:
        return [event async for event in events], model.requests[0]


def text_of(events: list[Any]) -> str:
    """Return the text of a reply."""
    return "".join(event.text for event in events if isinstance(event, TextDelta))


async def test_secrets_go_out_as_placeholders_and_come_back() -> None:
    """The person sees their own number, the model never does."""
    events, sent = await reply("Your card [CARD-1] is fine.", user(f"Is {CARD} valid?"))
    assert sent.messages[0].content == "Is [CARD-1] valid?"
    assert text_of(events) == f"Your card {CARD} is fine."


async def test_a_placeholder_that_is_cut_by_the_stream_is_restored() -> None:
    """Its pieces are held back until it is whole."""
    events, _ = await reply(("Card [CA", "RD-", "1] it is."), user(CARD))
    assert text_of(events) == f"Card {CARD} it is."
    assert isinstance(events[-1], Finished)


async def test_a_reply_that_breaks_within_a_placeholder_ends_before_it() -> None:
    """So a request that continues the reply continues with whole text."""
    model = ScriptedModel(("Card [CARD", KimiStreamInterrupted("cut")))
    events = MaskingModel(model, MASKER).stream(request(user(CARD)), CallContext())
    assert await anext(events) == TextDelta("Card ")
    with pytest.raises(KimiStreamInterrupted):
        await anext(events)


async def test_thinking_and_tool_calls_are_restored_too() -> None:
    """A tool gets the real arguments; the reasoning ends before the text begins."""
    call = ToolCall(id="1", name="check", arguments='{"card": "[CARD-1]"}')
    events, _ = await reply(
        (ReasoningDelta("Is [CARD-1"), ReasoningDelta("] valid?"), "Yes.", call), user(CARD)
    )
    reasoning = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert reasoning == f"Is {CARD} valid?"
    assert [event.arguments for event in events if isinstance(event, ToolCall)] == [f'{{"card": "{CARD}"}}']


async def test_every_part_of_a_message_is_masked() -> None:
    """Text beside pictures, names, earlier thinking and tool calls; pictures stay as they are."""
    call = ToolCall(id="1", name="check", arguments=f'{{"card": "{CARD}"}}')
    picture = ImagePart("data:image/png;base64,AAAA")
    _, sent = await reply(
        "Fine.",
        Message(role="user", content=(TextPart(f"See {CARD}"), picture), name="Bluebird"),
        Message(role="assistant", content="", reasoning=f"Hm, {CARD}", tool_calls=(call,)),
        Message(role="tool", content=f"{CARD} is valid", tool_call_id="1"),
    )
    first, second, third = sent.messages
    assert first.content == (TextPart("See [CARD-1]"), picture)
    assert first.name == "[CODENAME-1]"
    assert (second.reasoning, second.tool_calls[0].arguments) == ("Hm, [CARD-1]", '{"card": "[CARD-1]"}')
    assert third.content == "[CARD-1] is valid"


async def test_an_encrypted_tool_result_stays_as_it_is() -> None:
    """Only Kimi can read it, and a change would spoil it (Moonshot's guide to its tools)."""
    sealed = "4111111111111111" * 20
    call = ToolCall(id="1", name="web_search", arguments="{}")
    _, sent = await reply(
        "Fine.",
        user("Search."),
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content=sealed, tool_call_id="1"),
    )
    assert sent.messages[2].content == sealed


async def test_a_long_request_is_masked_beside_the_loop() -> None:
    """The result is the same."""
    long = f"{CARD} " + "word " * OFFLOAD_CHARS
    masked = await mask_request(request(user(long)), MASKER.for_request())
    assert str(masked.messages[0].content).startswith("[CARD-1] word")


async def test_without_rules_nothing_is_copied() -> None:
    """A deployment that masks nothing pays nothing."""
    plain = request(user(CARD))
    assert await mask_request(plain, Masker(set()).for_request()) is plain


class Api:
    """Kimi's tool endpoints."""

    def __init__(self) -> None:
        self.bodies: list[object] = []

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Keep the body."""
        self.bodies.append(body)
        return {}


async def test_arguments_of_moonshots_tools_are_masked() -> None:
    """A web search for a card number searches for its placeholder."""
    api = Api()
    await MaskingApi(api, MASKER).request_json("POST", "/x", {"name": "s", "arguments": f'{{"q": "{CARD}"}}'})
    await MaskingApi(api, MASKER).request_json("GET", "/x")
    assert api.bodies == [{"name": "s", "arguments": '{"q": "[CARD-1]"}'}, None]


async def test_tokens_are_counted_of_the_masked_request() -> None:
    """The provider's counter sees no secrets either."""
    seen: list[ChatRequest] = []

    async def count(one: ChatRequest) -> int:
        seen.append(one)
        return 7

    assert await masking_token_counter(count, MASKER)(request(user(CARD))) == 7
    assert seen[0].messages[0].content == "[CARD-1]"
