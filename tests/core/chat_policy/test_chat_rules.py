"""What a chat's rules say of a desk, of words and of hours."""

from datetime import UTC, datetime

import pytest

from core.chat_policy import ChatRules, parse_hours

OFFICE = parse_hours("mon-fri 09:00-18:00 UTC")
MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MONDAY_NIGHT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("desk", "room"),
    [
        ("", None),
        ("slack:", None),
        ("slack:C0123", ("slack", "C0123")),
        ("telegram:-100", ("telegram", "-100")),
    ],
)
def test_a_desk_is_a_platform_and_a_channel(desk: str, room: tuple[str, str] | None) -> None:
    """Half a name is no desk: nobody would ever come."""
    assert ChatRules(desk=desk).desk_room == room


def test_words_that_request_a_person_match_in_any_case() -> None:
    """Admins write the words once; customers shout them, and Chinese has no blanks around them."""
    rules = ChatRules(handover_words=("Complaint", "投诉"))
    assert rules.requests_handoff("I have a COMPLAINT!")
    assert rules.requests_handoff("我要投诉你们")
    assert not rules.requests_handoff("Where is my parcel?")
    assert not ChatRules().requests_handoff("complaint")


def test_without_hours_a_chat_is_never_closed() -> None:
    """Nobody has said when people are there, so nobody is told that they are not."""
    assert not ChatRules().is_closed(MONDAY_NIGHT)
    assert not ChatRules().is_quiet(MONDAY_NIGHT)


def test_closed_is_outside_of_the_hours_and_quiet_is_inside() -> None:
    """Business hours say when people are there; quiet hours when the bot is not to speak up."""
    rules = ChatRules(hours=OFFICE, quiet_hours=OFFICE)
    assert [rules.is_closed(moment) for moment in (MONDAY_NOON, MONDAY_NIGHT)] == [False, True]
    assert [rules.is_quiet(moment) for moment in (MONDAY_NOON, MONDAY_NIGHT)] == [True, False]
