"""What an observer hears of one request to Kimi."""

from core.domain.clock import ScaledClock
from core.kimi import Finished, KimiOverloaded, TextDelta, Usage
from core.llm.call_metrics import CallMetrics
from core.observer import ModelCallRecord, Observer


class Ear(Observer):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.calls: list[ModelCallRecord] = []

    def model_call_finished(self, call: ModelCallRecord) -> None:
        """Keep a request."""
        self.calls.append(call)


class Hand(ScaledClock):
    """A clock that is set by hand."""

    now = 0.0

    def time(self) -> float:
        """Return what it was set to."""
        return self.now


def test_times_are_those_of_the_line_the_first_piece_and_the_end() -> None:
    """Tokens come with the end; nothing is told before."""
    ear, clock = Ear(), Hand(1.0)
    hearing = CallMetrics(ear, clock, provider="kimi", model="m")
    clock.now = 2.0
    hearing.mark_sent()
    clock.now = 2.5
    hearing.record_event(TextDelta("a"))
    clock.now = 3.0
    hearing.record_event(TextDelta("b"))
    usage = Usage(prompt_tokens=7, completion_tokens=5, cached_tokens=3, reasoning_tokens=1)
    hearing.record_event(Finished(reason="stop", usage=usage, request_id="", model="m"))
    assert ear.calls == []
    clock.now = 4.0
    hearing.finish()

    assert ear.calls == [
        ModelCallRecord(
            provider="kimi",
            model="m",
            outcome="ok",
            queue_wait_s=2.0,
            time_to_first_token_s=0.5,
            duration_s=2.0,
            prompt_tokens=7,
            cached_tokens=3,
            completion_tokens=5,
            reasoning_tokens=1,
        )
    ]


def test_a_request_that_never_left_the_line_took_no_time_at_kimi() -> None:
    """Who leaves is "cancelled", with the time spent in the line."""
    ear, clock = Ear(), Hand(1.0)
    hearing = CallMetrics(ear, clock, provider="kimi", model="m")
    clock.now = 9.0
    hearing.finish()

    (call,) = ear.calls
    assert (call.outcome, call.queue_wait_s, call.time_to_first_token_s, call.duration_s) == (
        "cancelled",
        9.0,
        None,
        0.0,
    )


def test_an_error_is_told_by_its_code() -> None:
    """The code is one of a closed set; the error's text is not told."""
    ear = Ear()
    hearing = CallMetrics(ear, Hand(1.0), provider="kimi", model="m")
    hearing.mark_sent()
    hearing.record_error(KimiOverloaded("busy"))
    hearing.finish()

    assert ear.calls[0].outcome == "overloaded"
