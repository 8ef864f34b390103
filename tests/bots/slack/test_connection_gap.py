"""When something may have been missed, by the times of events alone."""

from bots.slack.connection_gap import ConnectionGap


def test_what_is_older_than_the_first_event_of_a_connection_may_have_been_missed() -> None:
    """Over Socket Mode, says Slack, only what happens while a socket is open is delivered."""
    gap = ConnectionGap()
    gap.reconnected()
    gap.received("20.0")
    gap.received("30.0")
    assert gap.may_hide("19.9")
    assert not gap.may_hide("20.0")
    assert not gap.may_hide("25.0")
    gap.reconnected()
    assert not gap.may_hide("25.0"), "nothing came in since"
    gap.received("40.0")
    assert gap.may_hide("30.0")
    assert gap.connection == 2
