"""What a refused request is asked again without."""

from typing import Any

import pytest

from core.answering.outcome import AnswerOutcome
from core.answering.refused_history import explain_refusal, reduced_request
from core.domain.turn_states import KimiFailure, TurnOutcome
from core.kimi import ChatRequest, ImagePart, Message, TextPart
from core.prompting.prepared_request import PreparedRequest
from core.text.notices import Notice

INVALID, FILTERED = KimiFailure("invalid_request"), KimiFailure("content_filtered")
SYSTEM = Message(role="system", content="You are Kimi.")
OLD = Message(role="user", content="First?")
OLD_PICTURE = Message(role="user", content=(TextPart("See:"), ImagePart("data:image/png;base64,AA==")))
REPLY = Message(role="assistant", content="Yes.")
QUESTION = Message(role="user", content="Second?")
PICTURE = Message(role="user", content=(TextPart("This?"), ImagePart("data:image/png;base64,AA==")))


def prepared(*messages: Message, question_start: int) -> PreparedRequest:
    """A prepared request with these messages."""
    request = ChatRequest(messages=messages, model="kimi-k2.6", max_completion_tokens=100)
    options: Any = None  # not looked at
    return PreparedRequest(
        request=request, options=options, estimated_tokens=10, question_start=question_start
    )


@pytest.mark.parametrize(
    ("messages", "outcome", "reduced"),
    [
        ((SYSTEM, OLD_PICTURE, REPLY, QUESTION), INVALID, ["You are Kimi.", "See:", "Yes.", "Second?"]),
        ((SYSTEM, OLD, REPLY, QUESTION), INVALID, ["You are Kimi.", "Second?"]),
        ((SYSTEM, OLD_PICTURE, REPLY, QUESTION), FILTERED, ["You are Kimi.", "Second?"]),
        ((SYSTEM, QUESTION), INVALID, None),
        ((SYSTEM, QUESTION), FILTERED, None),
        ((SYSTEM, OLD, REPLY, QUESTION), KimiFailure("unavailable"), None),
    ],
)
def test_what_is_older_is_left_out(
    messages: tuple[Message, ...], outcome: TurnOutcome, reduced: list[str] | None
) -> None:
    """First old pictures, else everything old; nothing if the question stands alone or may pass by itself."""
    request = reduced_request(prepared(*messages, question_start=len(messages) - 1), outcome)
    assert (request and [one.content for one in request.request.messages]) == reduced
    if request is not None:
        assert request.request.messages[request.question_start] == QUESTION


def test_a_refused_picture_is_named() -> None:
    """The note tells of the question's own picture only."""
    ended = AnswerOutcome(outcome=INVALID, note="refused")
    own = prepared(SYSTEM, PICTURE, question_start=1)
    assert explain_refusal(own, ended, "en").note == Notice.MEDIA_REFUSED.text("en")
    assert explain_refusal(prepared(SYSTEM, QUESTION, question_start=1), ended, "en") == ended
