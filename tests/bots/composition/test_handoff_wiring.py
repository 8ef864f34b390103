"""From settings to the desk's terms, and who is let in at the desk."""

from datetime import timedelta

from bots.composition.handoff_wiring import build_handoff_policy
from bots.composition.settings_mapping import build_access_lists
from core.access import Actor
from core.settings import Settings
from core.store.handoffs import DeskRoom


def test_settings_become_terms() -> None:
    """The room, the people and the patience are read as they are written."""
    terms = build_handoff_policy(
        Settings(
            desk="telegram:-100123",
            desk_people=("telegram:42", "slack:U1"),
            desk_names="off",
            desk_language="ZH",
            desk_remind_minutes=2.5,
            desk_idle_then="close",
        )
    )
    assert terms.desk_room == DeskRoom(platform="telegram", channel="-100123")
    assert terms.contacts_on("telegram") == ["42"]
    assert not terms.show_staff_names
    assert terms.desk_language == "zh"
    assert terms.timeouts.reminder_interval == timedelta(seconds=150)
    assert terms.timeouts.idle_action == "close"


def test_without_a_room_there_is_no_desk() -> None:
    """Nobody is asked for where nobody would come."""
    assert build_handoff_policy(Settings()).desk_room is None


def test_the_desks_people_are_let_in_beside_an_allow_list() -> None:
    """A list that names only customers' chats does not shut the team out."""
    access = build_access_lists(Settings(allow=("telegram:-1001",), desk="slack:C9"))
    assert access.is_allowed(Actor(platform="slack", tenant="T1", channel="C9", person_id="U1"))
    assert not access.is_allowed(Actor(platform="slack", tenant="T1", channel="C8", person_id="U1"))
