"""Channels that have got another id."""

from core.access import AccessLists, Actor
from core.access.channel_moves import ChannelMoves


def test_a_channel_is_known_by_all_ids_that_it_had() -> None:
    """Moves may follow each other, arrive in any order, and even form a circle."""
    moves = ChannelMoves()
    moves.add_all(
        [("telegram", "b", "c"), ("telegram", "a", "b"), ("slack", "x", "c"), ("telegram", "c", "c")]
    )
    assert moves.ids_of("telegram", "c") == {"a", "b", "c"}
    assert moves.ids_of("telegram", "a") == {"a"}
    moves.add("telegram", "c", "a")
    assert moves.ids_of("telegram", "a") == {"a", "b", "c"}


def test_lists_name_a_channel_by_any_of_its_ids() -> None:
    """We chose: what the deployment says of the old id holds for the new one."""
    lists = AccessLists(deny=frozenset({"telegram:-5"}))
    actor = Actor(platform="telegram", tenant="1", channel="-1005", person_id="7")
    assert lists.is_allowed(actor)
    lists.moves.add("telegram", "-5", "-1005")
    assert not lists.is_allowed(actor)
