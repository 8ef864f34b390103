import json
from typing import Any

import pytest

from bots.simulator.kimi.messages import (
    check_messages,
    estimate_tokens,
    prefix_of,
    question_of,
)
from bots.simulator.kimi.models import SERVED
from bots.simulator.kimi.refusal import Refused

USER = {"role": "user", "content": "Hi"}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


def call(identity: str = "look:0", **fields: Any) -> dict[str, Any]:
    """Return an assistant message with one tool call."""
    made = {"id": identity, "type": "function", "function": {"name": "look", "arguments": "{}"}}
    return {"role": "assistant", "tool_calls": [made]} | fields


def result(identity: str = "look:0") -> dict[str, Any]:
    """Return the answer to a tool call."""
    return {"role": "tool", "tool_call_id": identity, "content": "seen"}


def refused(messages: object, *, model: str = "kimi-k2.6", thinking: bool = True) -> str:
    """Return the text with which ``messages`` are refused."""
    with pytest.raises(Refused) as caught:
        check_messages(messages, model=SERVED[model], thinking=thinking)
    return caught.value.refusal.message


def passes(messages: object, *, model: str = "kimi-k2.6", thinking: bool = True) -> bool:
    """Tell that no rule is broken."""
    return bool(check_messages(messages, model=SERVED[model], thinking=thinking))


@pytest.mark.parametrize("content", ["", None, []])
def test_an_empty_assistant_message_is_refused(content: object) -> None:
    """The position and the role are named."""
    assert refused([USER, {"role": "assistant", "content": content}, USER]) == (
        "Invalid request: the message at position 1 with role 'assistant' must not be empty"
    )


def test_a_single_space_is_not_empty() -> None:
    """The way around that others use passes."""
    assert passes([USER, {"role": "assistant", "content": " "}, USER])


def test_an_empty_question_is_refused() -> None:
    """A user's message must carry something too."""
    assert "position 0 with role 'user' must not be empty" in refused([{"role": "user", "content": ""}])


def test_an_empty_text_part_is_refused() -> None:
    """A part's text must not be empty."""
    empty = [{"type": "text", "text": ""}]
    assert refused([{"role": "user", "content": empty}]) == "Invalid request: text content is empty"


@pytest.mark.parametrize("reasoning", [{}, {"reasoning_content": ""}])
def test_a_tool_call_must_come_with_its_thinking(reasoning: dict[str, str]) -> None:
    """On K2.6 an empty thinking is a missing one."""
    assert refused([USER, call(**reasoning), result()]) == (
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"
    )


def test_thinking_may_be_a_space_or_switched_off() -> None:
    """A space is enough, and without thinking nothing is asked for."""
    assert passes([USER, call(reasoning_content=" "), result()])
    assert passes([USER, call(), result()], thinking=False)


def test_k3_wants_the_field_only() -> None:
    """On K3 an empty thinking passes, a missing one does not."""
    assert passes([USER, call(reasoning_content=""), result()], model="kimi-k3")
    assert "reasoning_content is missing" in refused([USER, call(), result()], model="kimi-k3")


@pytest.mark.parametrize(
    "messages",
    [
        [USER, result()],
        [USER, call(reasoning_content="x"), result("look:1")],
        [USER, call(reasoning_content="x"), USER],
        [USER, call(reasoning_content="x")],
        [USER, call(reasoning_content="x"), result(), result()],
    ],
)
def test_tool_calls_and_results_must_match(messages: list[dict[str, Any]]) -> None:
    """Every call has exactly one result directly after it."""
    assert refused(messages) == "Invalid request: tool_call_id not found"


def test_ids_of_calls_may_return_in_later_turns() -> None:
    """Ids are only unique within a turn."""
    turn = [USER, call(reasoning_content="x"), result(), {"role": "assistant", "content": "ok"}]
    assert passes([*turn, *turn])


def test_parts_as_a_string_exceed_the_limit() -> None:
    """A list of parts sent as a JSON string is counted as text."""
    text = refused([{"role": "user", "content": json.dumps([PICTURE])}])
    assert text.startswith("Invalid request: Your request exceeded model token limit: 262144 (requested:")


def test_text_that_only_looks_like_parts_passes() -> None:
    """JSON of other kinds is plain text."""
    assert passes([{"role": "user", "content": '[{"type": "cat"}]'}, {"role": "user", "content": '[{"type"'}])


def test_pictures_come_as_data_or_as_files() -> None:
    """A public address is refused, data and uploaded files pass."""
    file = {"type": "image_url", "image_url": "ms://file_1"}
    assert passes([{"role": "user", "content": [PICTURE, file]}])

    public = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    assert "unsupported image url" in refused([{"role": "user", "content": [public]}])


def test_tools_in_a_conversation_are_for_k3() -> None:
    """K3 takes them without content; the others cannot tokenize them."""
    tools = {"role": "system", "tools": []}
    assert passes([tools, USER], model="kimi-k3")
    assert refused([tools, USER]) == "tokenization failed"
    assert "cannot be used with content" in refused([tools | {"content": "x"}, USER], model="kimi-k3")


def test_partial_is_for_the_last_assistant_message() -> None:
    """Anywhere else it is refused."""
    begun = {"role": "assistant", "content": "Once", "partial": True}
    assert passes([USER, begun])
    assert prefix_of([USER, begun]) == "Once"
    assert "partial is only allowed" in refused([USER, begun, USER])
    assert "partial is only allowed" in refused([USER | {"partial": True}])


def test_an_answer_cut_while_thinking_may_be_continued() -> None:
    """An empty prefix passes where thinking was begun."""
    begun = {"role": "assistant", "content": "", "partial": True}
    assert passes([USER, begun | {"reasoning_content": "Let me"}])
    assert "must not be empty" in refused([USER, begun])


def test_the_trigger_is_refused_as_high_risk() -> None:
    """A question with the trigger is filtered for as long as it stands in the messages (FastGPT#3555)."""
    risky = {"role": "user", "content": "a [high risk] one"}
    assert refused([risky]) == "The request was rejected because it was considered high risk"
    later = refused([risky, {"role": "assistant", "content": "no"}, USER])
    assert later == refused([risky])


def test_tokens_are_a_third_of_the_characters() -> None:
    """All texts count, thinking and arguments too; a picture is 1,024."""
    messages = [{"role": "user", "content": "x" * 10}, call(reasoning_content="x" * 3)]
    assert estimate_tokens(messages) == 5
    assert estimate_tokens([{"role": "user", "content": [PICTURE]}]) == 1024


def test_the_question_is_the_last_users() -> None:
    """System and assistant messages are passed over."""
    assert question_of(
        [USER, {"role": "user", "content": "Then?"}, {"role": "assistant", "content": "So"}]
    ) == ("Then?")
