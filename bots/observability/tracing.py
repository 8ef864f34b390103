"""Traces by OpenTelemetry, if ``moonthread[otel]`` is installed and the environment enables them.

::

    event                 received, stored, acknowledged
    └── turn              from its claim to the end of its answer; again for each further attempt
        ├── kimi          one request, from entering the fair queue to its end
        └── platform_call one call that shows something of the answer

A trace's id is derived from the event's id, so that every process that works on an event writes into
one trace and nothing needs to be stored for it. The standard variables apply
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/); traces are
enabled by OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_TRACES_EXPORTER.
Spans hold types, turn ids, outcomes and numbers, never texts or names.
"""

import hashlib
import os
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from bots.observability.metric_labels import event_type_label
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
    """Return the ids of an event's trace and of its first span, equal in every process."""
    event_key = "\0".join((*origin_of(event), event.delivery_id))
    digest = hashlib.sha256(event_key.encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1


def tracer_from_environment(environ: Mapping[str, str] = os.environ) -> "Tracer | None":
    """Return a tracer if the environment enables traces, else None.

    Raises:
        SettingsError: traces are enabled, but the extra is missing or the exporter unknown.
    """
    exporter = environ.get(
        "OTEL_TRACES_EXPORTER", "otlp" if any(environ.get(name) for name in ENABLED_BY) else ""
    )
    if exporter in ("", "none") or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        return Tracer(_build_exporter(exporter))
    except ImportError as exc:
        raise SettingsError(
            [f"OTEL_…: traces need the extra: pip install 'moonthread[otel]' ({exc.name} is missing)"]
        ) from exc


def _build_exporter(name: str) -> "SpanExporter":
    match name:
        case "otlp":
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            return OTLPSpanExporter()
        case "console":
            import sys

            from opentelemetry.sdk.trace.export import ConsoleSpanExporter

            return ConsoleSpanExporter(out=sys.stderr)
        case _:
            raise SettingsError([f"OTEL_TRACES_EXPORTER: {name!r} is none of otlp, console and none"])


class Tracer(Observer):
    """Implements :class:`core.observer.Observer`: records a span for each block."""

    def __init__(self, exporter: "SpanExporter", *, synchronous: bool = False) -> None:
        """Export to ``exporter``: in batches from an SDK thread, or at each span's end if ``synchronous``."""
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

        # Resource.create reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which take precedence.
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
        """Return a context manager that records a span; see :meth:`core.observer.Observer.span`."""
        return self._recorded_span(name, event, as_current, attributes)

    def close(self) -> None:
        """Export the remaining spans; may block for seconds, so never call it on the event loop."""
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
            # Only the type: an error's text may hold a person's words.
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
            token = _span_ids.set(trace_ids(event))
            try:
                origin = {"platform": origin_of(event)[0], "type": event_type_label(event)}
                return self._tracer.start_span(name, context=Context(), attributes={**origin, **attributes})
            finally:
                _span_ids.reset(token)
        return self._tracer.start_span(name, context=self._parent_context(event), attributes=attributes)

    def _parent_context(self, event: Event) -> "Context":
        """Return a context with the event's first span as parent, also if another process recorded it."""
        from opentelemetry import trace
        from opentelemetry.context import Context
        from opentelemetry.sdk.trace.sampling import Decision

        trace_id, span_id = trace_ids(event)
        decision = self._provider.sampler.should_sample(Context(), trace_id, "event").decision
        sampled = decision is Decision.RECORD_AND_SAMPLE
        flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if sampled else trace.TraceFlags.DEFAULT)
        parent = trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
        return trace.set_span_in_context(trace.NonRecordingSpan(parent), Context())


def _build_provider(resource: "Resource") -> "TracerProvider":
    """Return a provider that gives its spans the ids in :data:`_span_ids`, if they are set."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class EventIdGenerator(RandomIdGenerator):
        def generate_trace_id(self) -> int:
            ids = _span_ids.get()
            return super().generate_trace_id() if ids is None else ids[0]

        def generate_span_id(self) -> int:
            ids = _span_ids.get()
            return super().generate_span_id() if ids is None else ids[1]

    # The service shuts the provider down itself: at interpreter exit the loop and its log are gone.
    return TracerProvider(resource=resource, id_generator=EventIdGenerator(), shutdown_on_exit=False)


class _RecordedSpan(TraceSpan):
    """Wraps a span of the SDK."""

    def __init__(self, span: "OtelSpan") -> None:
        self._span = span

    def set_attributes(self, **attributes: AttributeValue) -> None:
        """Set attributes of the span."""
        self._span.set_attributes(attributes)
