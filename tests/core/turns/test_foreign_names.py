"""People's names in the bot's own messages."""

import pytest

from core.chat_policy import ChatRules
from core.domain.addresses import Person
from tests.core.turns.conftest import Turns
from tests.event_builders import group_chat

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ann Lee", "Ann Lee"),
        (
            "[Claim](https://evil.example/x) [x](tg://user/?id=55)",
            "Claim https evil.\u200bexample x x tg user ?id=55",
        ),
        ("x\n\n# WIN <!channel> @here", "x WIN !channel here"),
        ("`a` **b** ||c||", "a b c"),
    ],
)
async def test_a_welcome_shows_a_hostile_name_as_words(turning: Turns, name: str, shown: str) -> None:
    """Somebody's display name makes no link, mention, heading or style in the words of the chat's staff."""
    (await turning.move_to(group_chat())).build()
    await turning.set_rules(ChatRules(welcome="Welcome, **{name}**!"))
    await turning.receive(turning.chat.join(Person(id="66", name=name)))
    await turning.run_all()
    assert turning.platform.screen.texts == [f"Welcome, **{shown}**!"]
