"""Places in which nothing can be shown."""

from core.access.closed_places import CLOSED_FOR_S, ClosedPlaces
from core.domain.addresses import ThreadKey
from core.domain.clock import FakeClock


def key(channel: str = "-1", thread: str = "5") -> ThreadKey:
    """Return a conversation's key."""
    return ThreadKey(platform="telegram", tenant="1", channel=channel, thread=thread)


def test_a_closed_channel_closes_all_its_threads_and_no_other() -> None:
    """A muted bot is mute in every topic of the group."""
    places = ClosedPlaces(FakeClock())
    places.close(key(), thread_only=False)
    assert places.is_closed(key(thread="6"))
    assert not places.is_closed(key(channel="-2"))
    places.reopen(key(thread=""))
    assert not places.is_closed(key())


def test_a_closed_thread_leaves_the_others_open() -> None:
    """A refusal in one place never costs another place; the topic or the whole chat opens it again."""
    places = ClosedPlaces(FakeClock())
    for opened in (key(), key(thread="")):
        places.close(key(), thread_only=True)
        assert places.is_closed(key())
        assert not places.is_closed(key(thread="6"))
        places.reopen(key(thread="6"))
        assert places.is_closed(key())
        places.reopen(opened)
        assert not places.is_closed(key())


def test_a_place_opens_by_itself_after_a_while() -> None:
    """Not every change is reported."""
    clock = FakeClock()
    places = ClosedPlaces(clock)
    places.close(key(), thread_only=False)
    clock.advance(CLOSED_FOR_S + 1)
    assert not places.is_closed(key())
