"""Traces by OpenTelemetry, where ``moonthread[otel]`` is installed and the environment asks for them.

::

    event                 taken in, stored, acknowledged
    └── turn              taken, perhaps by another process or a second time, until its words stand
        ├── kimi          one request, from its place in the line to its end
        └── frame         one call to the platform's screen

A trace's id is made of the event's own id: whoever works on an event, in whichever process, writes
into one trace, and nothing about it has to be stored. The standard variables hold
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/); traces are made
where OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER is set.
Spans hold kinds, ids of turns, outcomes and numbers, never words or names.
"""

import hashlib
import os
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from core.domain.errors import SettingsError
from core.domain.events import Event, origin_of
from core.observer import AttributeValue, Observer, TraceSpan

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OtelSpan

ENABLED_BY: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_TRACES_EXPORTER",
)

_span_ids: ContextVar[tuple[int, int] | None] = ContextVar("span_ids", default=None)


def trace_ids(event: Event) -> tuple[int, int]:
    """Return the ids of an event's trace and of its first span, the same in every process."""
    told = "\0".join((*origin_of(event), event.delivery_id))
    digest = hashlib.sha256(told.encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1


def tracer_from_environment(environ: Mapping[str, str] = os.environ) -> "Tracer | None":
    """Return a tracer where traces are asked for; None where they are not.

    Raises:
        SettingsError: they are asked for, and cannot be made.
    """
    kind = environ.get(
        "OTEL_TRACES_EXPORTER", "otlp" if any(environ.get(name) for name in ENABLED_BY) else ""
    )
    if kind in ("", "none") or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        return Tracer(_build_exporter(kind))
    except ImportError as exc:
        raise SettingsError(
            [f"OTEL_…: traces need the extra: pip install 'moonthread[otel]' ({exc.name} is missing)"]
        ) from exc


def _build_exporter(kind: str) -> "SpanExporter":
    match kind:
        case "otlp":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter()
        case "console":
            import sys

            from opentelemetry.sdk.trace.export import ConsoleSpanExporter

            return ConsoleSpanExporter(out=sys.stderr)
        case _:
            raise SettingsError([f"OTEL_TRACES_EXPORTER: {kind!r} is none of otlp, console and none"])


class Tracer(Observer):
    """Makes a span of each block that the service tells of."""

    def __init__(self, exporter: "SpanExporter", *, synchronous: bool = False) -> None:
        """Write to ``exporter``, in batches from a thread of the SDK's, or ``at_once``."""
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

        # Resource.create reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which go first.
        named = bool(os.environ.get("OTEL_SERVICE_NAME"))
        resource = Resource.create({} if named else {SERVICE_NAME: "moonthread"})
        self._provider = _build_provider(resource)
        self._provider.add_span_processor(
            SimpleSpanProcessor(exporter) if synchronous else BatchSpanProcessor(exporter)
        )
        self._tracer = self._provider.get_tracer("moonthread")

    def span(
        self, name: str, *, event: Event | None = None, as_current: bool = False, **attributes: AttributeValue
    ) -> AbstractContextManager[TraceSpan]:
        """Return a block that is a span; see :meth:`core.observer.Observer.span`."""
        return self._recorded_span(name, event, as_current, attributes)

    def close(self) -> None:
        """Send what is left. It may take seconds and must not be called on the loop."""
        self._provider.shutdown()

    @contextmanager
    def _recorded_span(
        self, name: str, event: Event | None, as_current: bool, attributes: Mapping[str, AttributeValue]
    ) -> Generator[TraceSpan]:
        from opentelemetry import context, trace

        span = self._start_span(name, event, attributes)
        token = context.attach(trace.set_span_in_context(span)) if as_current else None
        try:
            yield _RecordedSpan(span)
        except BaseException as exc:
            # Only the kind: an error's text may hold what somebody said.
            span.set_status(trace.Status(trace.StatusCode.ERROR, type(exc).__name__))
            raise
        finally:
            if token is not None:
                context.detach(token)
            span.end()

    def _start_span(
        self, name: str, event: Event | None, attributes: Mapping[str, AttributeValue]
    ) -> "OtelSpan":
        from opentelemetry.context import Context

        if event is None:
            return self._tracer.start_span(name, attributes=attributes)
        if name == "event":
            given = _span_ids.set(trace_ids(event))
            try:
                kind = {"platform": origin_of(event)[0], "kind": type(event).__name__.lower()}
                return self._tracer.start_span(name, context=Context(), attributes={**kind, **attributes})
            finally:
                _span_ids.reset(given)
        return self._tracer.start_span(name, context=self._parent_context(event), attributes=attributes)

    def _parent_context(self, event: Event) -> "Context":
        """Return the context in which an event's span is the parent, whoever has written it."""
        from opentelemetry import trace
        from opentelemetry.context import Context
        from opentelemetry.sdk.trace.sampling import Decision

        trace_id, span_id = trace_ids(event)
        decided = self._provider.sampler.should_sample(Context(), trace_id, "event").decision
        sampled = decided is Decision.RECORD_AND_SAMPLE
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if sampled else trace.TraceFlags.DEFAULT)
        parent = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


def _build_provider(resource: "Resource") -> "TracerProvider":
    """Return a provider that takes an event's ids where they are given."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class GivenIds(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            given = _span_ids.get()
            return super().generate_trace_id() if given is None else given[0]

        def generate_span_id(self) -> int:
            given = _span_ids.get()
            return super().generate_span_id() if given is None else given[1]

    # The service ends the provider itself: at exit the loop and its log are gone.
    return TracerProvider(resource=resource, id_generator=GivenIds(), shutdown_on_exit=False)


class _RecordedSpan(TraceSpan):
    """A span that is written somewhere."""

    def __init__(self, span: "OtelSpan") -> None:
        self._span = span

    def set_attributes(self, **attributes: AttributeValue) -> None:
        """Add what became known meanwhile."""
        self._span.set_attributes(attributes)
