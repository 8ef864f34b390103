"""What the bot says when it is added to a group."""

from dataclasses import replace

from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.events import BotAccessChanged
from core.text.greeting import greeting_text
from tests.event_builders import START

ADDED = BotAccessChanged(
    delivery_id="1",
    address=Address(key=ThreadKey(platform="telegram", tenant="1", channel="-5", thread="")),
    author=Person(id="7", name="Ann"),
    sent_at=START,
    chat_type=ChatType.GROUP,
    can_write=True,
    is_added=True,
    bot_name="moon_bot",
)


def test_the_greeting_says_how_to_call_the_bot_and_what_it_hears() -> None:
    """In privacy mode Telegram delivers only some of a group's messages: people wonder why it is deaf."""
    deaf, hearing = greeting_text(ADDED, "en"), greeting_text(replace(ADDED, hears_all=True), "en")
    assert "@moon_bot" in deaf
    assert "I only see commands, messages that mention me and replies to me" in deaf
    assert "I can read all messages here" in hearing
    assert "@moon_bot" in greeting_text(ADDED, "zh")
