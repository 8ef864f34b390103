"""How many messages a person caused lately."""

from core.delivery.recent_messages import WINDOW_S, RecentMessages


def test_each_person_is_counted_alone_and_forgotten_after_a_minute() -> None:
    """The order is the number of the person's own other messages within the window."""
    recent = RecentMessages()
    assert [recent.add("ann", at) for at in (0.0, 1.0, 2.0)] == [0, 1, 2]
    assert recent.add("bob", 2.0) == 0
    assert recent.add("ann", WINDOW_S + 1.0) == 1
    assert recent.add("ann", 3 * WINDOW_S) == 0
