"""Who is let in, who is an admin, who is a stranger."""

from dataclasses import replace

import pytest

from core.access import Access, Who

ANN = Who(platform="slack", tenant="T1", channel="C1", person_id="U1")


@pytest.mark.parametrize("entry", ["slack:T1", "slack:C1", "slack:U1"])
def test_a_list_means_team_channel_or_person(entry: str) -> None:
    """Each kind of entry lets in, and each shuts out."""
    assert Access(allow=frozenset({entry})).lets_in(ANN)
    assert not Access(deny=frozenset({entry})).lets_in(ANN)


def test_without_an_allow_list_everybody_is_let_in() -> None:
    """An empty list allows, it does not shut out."""
    assert Access().lets_in(ANN)
    assert not Access(allow=frozenset({"slack:U2"})).lets_in(ANN)


def test_the_same_id_on_another_platform_is_somebody_else() -> None:
    """Entries name the platform."""
    assert not Access(allow=frozenset({"telegram:U1"})).lets_in(ANN)
    assert Access(deny=frozenset({"telegram:U1"})).lets_in(ANN)


def test_to_be_denied_goes_before_everything() -> None:
    """An admin in a place that is denied gets no answer there; an admin needs no allow list."""
    admins = frozenset({"slack:U1"})
    assert not Access(allow=frozenset({"slack:U1"}), deny=frozenset({"slack:C1"}), admins=admins).lets_in(ANN)
    assert Access(allow=frozenset({"slack:U2"}), admins=admins).lets_in(ANN)


def test_strangers_are_on_telegram_only() -> None:
    """In a Slack team somebody let people in; on Telegram only a list or being admin vouches."""
    bob = replace(ANN, platform="telegram", tenant="1", channel="-100", person_id="42")
    assert not Access().is_stranger(ANN)
    assert Access().is_stranger(bob)
    assert not Access(allow=frozenset({"telegram:-100"})).is_stranger(bob)
    assert not Access(admins=frozenset({"telegram:42"})).is_stranger(bob)


def test_whoever_sits_at_the_terminal_is_let_in() -> None:
    """``moonthread chat`` answers its operator, whatever the lists say of people elsewhere."""
    me = replace(ANN, platform="terminal")
    assert Access(allow=frozenset({"slack:U2"})).lets_in(me)
    assert Access().is_admin(me)
