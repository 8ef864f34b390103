from bots.simulator.slack.limits import Limits, Meter


def test_the_window_slides_and_the_wait_tells_when_there_is_room() -> None:
    """Fifty updates pass, the next one waits until the first is a minute old."""
    meter = Meter(Limits())
    waits = [meter.refuse_for_s("chat.update", "T1", "C1", float(i)) for i in range(50)]
    assert set(waits) == {0}
    assert meter.refuse_for_s("chat.update", "T1", "C1", 50.0) == 10
    assert meter.refuse_for_s("chat.update", "T1", "C1", 60.0) == 0
    assert meter.refuse_for_s("chat.update", "T1", "C1", 60.0) == 1


def test_methods_and_teams_are_counted_apart() -> None:
    """A spent method leaves another method, and the same one in another team, alone."""
    meter = Meter(Limits().with_method("chat.startStream", 1))
    assert meter.refuse_for_s("chat.startStream", "T1", "C1", 0.0) == 0
    assert meter.refuse_for_s("chat.startStream", "T1", "C1", 0.0) == 60
    assert meter.refuse_for_s("chat.startStream", "T2", "C1", 0.0) == 0
    assert meter.refuse_for_s("chat.stopStream", "T1", "C1", 0.0) == 0


def test_posts_in_one_channel_are_a_second_apart_after_a_small_burst() -> None:
    """Four posts pass at once, then one a second; another channel is not concerned."""
    meter = Meter(Limits())
    assert [meter.refuse_for_s("chat.postMessage", "T1", "C1", 0.0) for _ in range(5)] == [0, 0, 0, 0, 1]
    assert meter.refuse_for_s("chat.postMessage", "T1", "C2", 0.0) == 0
    assert meter.refuse_for_s("chat.postMessage", "T1", "C1", 1.0) == 0
    assert meter.refuse_for_s("chat.postMessage", "T1", "C1", 1.5) == 1


def test_status_is_counted_for_each_channel() -> None:
    """Sixty statuses a minute pass in each channel."""
    meter = Meter(Limits())
    for channel in ("C1", "C2"):
        assert {meter.refuse_for_s("assistant.threads.setStatus", "T1", channel, 0.0) for _ in range(60)} == {
            0
        }
    assert meter.refuse_for_s("assistant.threads.setStatus", "T1", "C1", 0.0) == 60


def test_a_flood_refuses_even_where_limits_are_off() -> None:
    """A flooded method is refused until its time is over."""
    meter = Meter(Limits(enabled=False))
    meter.flood("chat.update", 7.5)
    assert meter.refuse_for_s("chat.update", "T1", "C1", 0.0) == 8
    assert meter.refuse_for_s("chat.update", "T1", "C1", 8.0) == 0
    assert {meter.refuse_for_s("chat.update", "T1", "C1", 8.0) for _ in range(500)} == {0}


def test_a_distributed_app_reads_once_a_minute() -> None:
    """Restricted reads are one a minute, other methods as before."""
    meter = Meter(Limits(restricted_reads=True))
    assert meter.refuse_for_s("conversations.replies", "T1", "C1", 0.0) == 0
    assert meter.refuse_for_s("conversations.replies", "T1", "C1", 1.0) == 59
    assert meter.refuse_for_s("conversations.info", "T1", "C1", 1.0) == 0
