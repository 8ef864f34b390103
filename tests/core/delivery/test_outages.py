"""An outage of a platform is two lines."""

from structlog.testing import capture_logs

from core.delivery.outages import PlatformOutages
from core.domain.errors import PlatformForbidden, PlatformUnavailable

AWAY = PlatformUnavailable("no route")


def test_an_outage_is_logged_when_it_begins_and_when_it_ends() -> None:
    """Repeated calls are debug; a single failure, and the outage of another platform, are apart."""
    outages = PlatformOutages()
    with capture_logs() as logged:
        outages.record_failure("slack", "edit", AWAY, 10.0)
        outages.record_success("slack", 10.5)
        for now in (20.0, 21.0, 23.0):
            outages.record_failure("slack", "edit", AWAY, now)
            outages.record_success("telegram", now)
        outages.record_success("slack", 32.0)
        outages.record_success("slack", 33.0)

    assert [line for line in logged if line["log_level"] != "debug"] == [
        {
            "event": "delivery.platform_unreachable",
            "platform": "slack",
            "error": "no route",
            "log_level": "warning",
        },
        {
            "event": "delivery.platform_recovered",
            "platform": "slack",
            "down_s": 12.0,
            "failed": 3,
            "log_level": "info",
        },
    ]


def test_a_refusal_is_no_outage() -> None:
    """It is logged each time: it concerns one place, and is not repeated."""
    outages = PlatformOutages()
    with capture_logs() as logged:
        for _ in range(3):
            outages.record_failure("slack", "post", PlatformForbidden("not in channel"), 1.0)

    assert [(line["event"], line["log_level"]) for line in logged] == [("delivery.call_failed", "info")] * 3
