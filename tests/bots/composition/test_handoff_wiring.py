"""From settings to the desk's terms, and who is let in at the desk."""

from datetime import timedelta

from bots.composition.handoff_wiring import desk_terms_of
from bots.composition.settings_mapping import access_of
from core.access import Who
from core.settings import Settings
from core.store.handoffs import Place


def test_settings_become_terms() -> None:
    """The room, the people and the patience are read as they are written."""
    terms = desk_terms_of(
        Settings(
            desk="telegram:-100123",
            desk_people=("telegram:42", "slack:U1"),
            desk_names="off",
            desk_remind_minutes=2.5,
            desk_idle_then="close",
        )
    )
    assert terms.desk == Place(platform="telegram", channel="-100123")
    assert terms.named("telegram") == ["42"]
    assert not terms.names
    assert terms.patience.remind == timedelta(seconds=150)
    assert terms.patience.idle_then == "close"


def test_without_a_room_there_is_no_desk() -> None:
    """Nobody is asked for where nobody would come."""
    assert desk_terms_of(Settings()).desk is None


def test_the_desks_people_are_let_in_beside_an_allow_list() -> None:
    """A list that names only customers' chats does not shut the team out."""
    access = access_of(Settings(allow=("telegram:-1001",), desk="slack:C9"))
    assert access.lets_in(Who(platform="slack", tenant="T1", channel="C9", person_id="U1"))
    assert not access.lets_in(Who(platform="slack", tenant="T1", channel="C8", person_id="U1"))
