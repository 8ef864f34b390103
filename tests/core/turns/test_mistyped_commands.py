"""A wrong command gets a hint instead of a call of Kimi."""

import pytest

from core.domain.message_content import ForwardOrigin
from core.domain.turn_states import Outcome
from core.turns.mistyped_commands import answer_mistyped_command
from tests.core.turns.conftest import Turns

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("/halp", "I do not know `/halp`. Did you mean `/help`?"),
        ("/Retyr!", "I do not know `/retyr`. Did you mean `/retry`?"),
        ("/modle gpt", "I do not know `/modle`. Did you mean `/model`?"),
        ("/dance", "I do not know `/dance`. `/help` lists what I understand."),
    ],
)
async def test_a_wrong_command_gets_a_hint(turning: Turns, text: str, hint: str) -> None:
    """We chose: the nearest command is named, if one is near."""
    turning.build(predefined_answers=[answer_mistyped_command])
    await turning.receive(turning.chat.message(text))
    assert await turning.run_all() == [Outcome.NOTICE]
    assert turning.platform.screen.texts == [hint]
    assert turning.answering.model.requests == []


@pytest.mark.parametrize("text", ["/imagine a moon", "/etc/passwd", "/ 2", "what is /help?"])
async def test_a_question_that_begins_with_a_slash_is_a_question(turning: Turns, text: str) -> None:
    """Paths, and words after a command that resembles none, go to Kimi."""
    turning.build("answer", predefined_answers=[answer_mistyped_command])
    await turning.receive(turning.chat.message(text))
    assert await turning.run_all() == [Outcome.COMPLETE]


async def test_a_forwarded_command_is_no_command(turning: Turns) -> None:
    """Forwarded words are never the sender's own."""
    turning.build("answer", predefined_answers=[answer_mistyped_command])
    await turning.receive(turning.chat.message("/halp", forwarded_from=ForwardOrigin()))
    assert await turning.run_all() == [Outcome.COMPLETE]
