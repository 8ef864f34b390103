"""The set of recent members, which bounds what a long-running process remembers."""

from core.concurrency.recent_set import RecentSet


def test_the_oldest_member_is_discarded_beyond_the_capacity() -> None:
    """Adding a third member to a set of two discards the one that was added first."""
    recent = RecentSet[str](2)
    for member in ("a", "b", "c"):
        recent.add(member)

    assert [member in recent for member in ("a", "b", "c")] == [False, True, True]


def test_adding_a_member_again_makes_it_the_most_recent() -> None:
    """A member that is added again outlives one that was added between."""
    recent = RecentSet[str](2)
    for member in ("a", "b", "a", "c"):
        recent.add(member)

    assert [member in recent for member in ("a", "b", "c")] == [True, False, True]


def test_a_discarded_member_is_gone_and_another_discard_does_nothing() -> None:
    """Discarding makes room; discarding what is not in the set is no error."""
    recent = RecentSet[str](2)
    recent.add("a")
    recent.discard("a")
    recent.discard("a")

    assert "a" not in recent
