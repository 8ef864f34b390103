"""When traces are made, by the standard variables; and that nothing needs them."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bots.observability.tracing import Tracer, tracer_from_environment
from core.domain.errors import SettingsError
from core.domain.events import UnparsedEvent

WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
import bots.composition.service
from bots.observability import tracing
from core.domain.errors import SettingsError
assert tracing.tracer_from_environment({}) is None
try:
    tracing.tracer_from_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"})
except SettingsError as exc:
    print(exc)
"""


def event(delivery_id: str) -> UnparsedEvent:
    """An event with the id given."""
    return UnparsedEvent(delivery_id=delivery_id, platform="slack", tenant="T1", raw="", error="")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"},
        {"OTEL_SERVICE_NAME": "ours"},
    ],
)
def test_no_traces_unless_asked_for(environ: dict[str, str]) -> None:
    """Without an address or an exporter, or where switched off, nothing is made."""
    assert tracer_from_environment(environ) is None


@pytest.mark.parametrize(
    "environ",
    [{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, {"OTEL_TRACES_EXPORTER": "console"}],
)
def test_traces_where_asked_for(environ: dict[str, str]) -> None:
    """An address or an exporter's name is enough."""
    tracer = tracer_from_environment(environ)

    assert tracer is not None
    tracer.close()


def test_an_unknown_exporter_is_a_fault_of_the_settings() -> None:
    """It is named, with those that exist."""
    with pytest.raises(SettingsError, match="'zipkin' is none of otlp, console and none"):
        tracer_from_environment({"OTEL_TRACES_EXPORTER": "zipkin"})


@pytest.mark.slow
def test_nothing_needs_the_extra() -> None:
    """Without it the service starts; where traces are asked for, one line says what to install."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=60, check=True
    )

    assert "pip install 'moonthread[otel]'" in done.stdout


def test_a_sampler_decides_for_the_whole_of_a_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each event either all spans are kept or none, whichever process writes them."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    kept: list[dict[int, set[str]]] = []
    for names in (("event",), ("turn", "platform_call")):
        exporter = InMemorySpanExporter()
        tracer = Tracer(exporter, synchronous=True)
        for number in range(200):
            for name in names:
                with tracer.span(name, event=event(str(number))):
                    pass
        tracer.close()
        found: dict[int, set[str]] = {}
        for span in exporter.get_finished_spans():
            found.setdefault(span.context.trace_id, set()).add(span.name)
        kept.append(found)
    begun, went_on = kept

    assert set(begun) == set(went_on)
    assert 60 < len(begun) < 140
    assert all(names == {"turn", "platform_call"} for names in went_on.values())
