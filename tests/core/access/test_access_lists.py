"""Who is let in, who is an admin, who is a stranger."""

from dataclasses import replace

import pytest

from core.access import AccessLists, Actor

ANN = Actor(platform="slack", tenant="T1", channel="C1", person_id="U1")


@pytest.mark.parametrize("entry", ["slack:T1", "slack:C1", "slack:U1"])
def test_a_list_means_team_channel_or_person(entry: str) -> None:
    """Each kind of entry lets in, and each shuts out."""
    assert AccessLists(allow=frozenset({entry})).is_allowed(ANN)
    assert not AccessLists(deny=frozenset({entry})).is_allowed(ANN)


def test_without_an_allow_list_everybody_is_let_in() -> None:
    """An empty list allows, it does not shut out."""
    assert AccessLists().is_allowed(ANN)
    assert not AccessLists(allow=frozenset({"slack:U2"})).is_allowed(ANN)


def test_the_same_id_on_another_platform_is_somebody_else() -> None:
    """Entries name the platform."""
    assert not AccessLists(allow=frozenset({"telegram:U1"})).is_allowed(ANN)
    assert AccessLists(deny=frozenset({"telegram:U1"})).is_allowed(ANN)


def test_to_be_denied_goes_before_everything() -> None:
    """An admin in a place that is denied gets no answer there; an admin needs no allow list."""
    admins = frozenset({"slack:U1"})
    assert not AccessLists(
        allow=frozenset({"slack:U1"}), deny=frozenset({"slack:C1"}), admins=admins
    ).is_allowed(ANN)
    assert AccessLists(allow=frozenset({"slack:U2"}), admins=admins).is_allowed(ANN)


def test_strangers_are_on_telegram_only() -> None:
    """In a Slack team somebody let people in; on Telegram only a list or being admin vouches."""
    bob = replace(ANN, platform="telegram", tenant="1", channel="-100", person_id="42")
    assert not AccessLists().is_unlisted(ANN)
    assert AccessLists().is_unlisted(bob)
    assert not AccessLists(allow=frozenset({"telegram:-100"})).is_unlisted(bob)
    assert not AccessLists(admins=frozenset({"telegram:42"})).is_unlisted(bob)


def test_whoever_sits_at_the_terminal_is_let_in() -> None:
    """``moonthread chat`` answers its operator, whatever the lists say of people elsewhere."""
    me = replace(ANN, platform="terminal")
    assert AccessLists(allow=frozenset({"slack:U2"})).is_allowed(me)
    assert AccessLists().is_admin(me)
