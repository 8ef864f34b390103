"""Every metric of a replica: its name, labels, unit and meaning. README's table is made of these.

Names end in their unit. A label has few values by nature (platforms, outcomes, models); past
:data:`MAX_LABEL_VALUES` further ones become "other", so that no mistake can flood the database of
whoever collects. Nothing here names a person, a chat or a word.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

MetricKind: TypeAlias = Literal["counter", "gauge", "histogram"]

MAX_LABEL_VALUES: Final = 40  #: of one label of one metric
FAST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; ``name`` is as Prometheus shows it, a counter's with ``_total``."""

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = FAST_BUCKETS


BUILD_INFO = Metric("moonthread_build_info", "gauge", "Always 1; the running version.", ("version",))
EVENTS = Metric(
    "moonthread_events_total",
    "counter",
    "Events that a platform brought; result is new, ignored (known or not for us) or failed (not stored: "
    "the platform brings it again).",
    ("platform", "kind", "result"),
)
INGEST_TIME = Metric(
    "moonthread_ingest_seconds",
    "histogram",
    "From an event in our hands to its being stored, which is when it is acknowledged.",
    ("platform",),
)
TURNS = Metric(
    "moonthread_turns_total",
    "counter",
    "Turns that ended here by outcome; type is question, or order for what the bot itself replies to.",
    ("platform", "type", "outcome"),
)
TURN_TIME = Metric(
    "moonthread_turn_seconds",
    "histogram",
    "From a question's being taken to its whole answer on the screen.",
    ("platform",),
    SLOW_BUCKETS,
)
QUEUE_WAIT = Metric(
    "moonthread_queue_wait_seconds",
    "histogram",
    "From an event's being stored to its being taken: time behind others and for a free replica.",
    ("platform",),
    SLOW_BUCKETS,
)
TURNS_TAKEN_OVER = Metric(
    "moonthread_turns_taken_over_total",
    "counter",
    "Turns that went on here with what an earlier run left (a restart, or another replica's death).",
    ("platform",),
)
TURNS_LOST = Metric(
    "moonthread_turns_fenced_total", "counter", "Turns that were lost to a later run, and ended silently."
)
RUNNING_TURNS = Metric("moonthread_running_turns", "gauge", "Questions that this replica is answering now.")
QUEUE_EVENTS = Metric(
    "moonthread_queue_events", "gauge", "Open events of the whole deployment: waiting or being answered."
)
QUEUE_OLDEST_AGE = Metric(
    "moonthread_queue_oldest_seconds", "gauge", "Age of the oldest open event of the whole deployment."
)
TIME_TO_FIRST_TOKEN = Metric(
    "moonthread_first_word_seconds",
    "histogram",
    "From a question's being stored to its answer's first words on the screen.",
    ("platform",),
    SLOW_BUCKETS,
)
TEXT_TO_SCREEN_LATENCY = Metric(
    "moonthread_word_delay_seconds",
    "histogram",
    "How long the oldest new word of a frame waited for its being shown.",
    ("platform",),
)
PLATFORM_CALLS = Metric(
    "moonthread_frames_total",
    "counter",
    "Calls that showed something: post, edit, delete, finalize_orphan, find or status.",
    ("platform", "action"),
)
PLATFORM_ERRORS = Metric(
    "moonthread_refusals_total",
    "counter",
    "Calls that showed nothing: rate_limited, gone, refused, closed, unavailable, uncertain (may have), "
    "cut (by us) or other.",
    ("platform", "reason"),
)
PLATFORM_CALL_TIME = Metric(
    "moonthread_frame_seconds", "histogram", "A call to a platform's screen.", ("platform", "action")
)
KIMI_CALLS = Metric(
    "moonthread_kimi_calls_total",
    "counter",
    "Chat requests to Kimi by outcome: ok, cancelled (also: gone to another provider) or an error's code.",
    ("provider", "model", "outcome"),
)
KIMI_CALL_TIME = Metric(
    "moonthread_kimi_call_seconds",
    "histogram",
    "A request, from sending to its end.",
    ("model",),
    SLOW_BUCKETS,
)
KIMI_TIME_TO_FIRST_TOKEN = Metric(
    "moonthread_kimi_first_word_seconds",
    "histogram",
    "From sending a request to Kimi's first piece, thoughts included.",
    ("model",),
    SLOW_BUCKETS,
)
KIMI_TOKENS = Metric(
    "moonthread_kimi_tokens_total",
    "counter",
    "Tokens as Kimi counted them: prompt (cached among them) and completion (reasoning among them).",
    ("model", "type"),
)
KIMI_COST = Metric(
    "moonthread_kimi_cost_usd_total",
    "counter",
    "What they cost, where the model's price is known.",
    ("model",),
)
LIMITER_WAIT = Metric(
    "moonthread_limiter_wait_seconds",
    "histogram",
    "Time of a request in its account's line.",
    ("provider",),
    SLOW_BUCKETS,
)
LIMITER_WAITING = Metric(
    "moonthread_limiter_waiting", "gauge", "Requests of this replica in an account's line.", ("provider",)
)
LIMITER_RUNNING = Metric(
    "moonthread_limiter_running", "gauge", "Requests of this replica at Kimi.", ("provider",)
)
LIMITER_LIMIT = Metric(
    "moonthread_limiter_limit",
    "gauge",
    "An account's limits, configured or learnt: concurrency, rpm, tpm, tpd.",
    ("provider", "limit"),
)
LIMITER_PAUSED = Metric("moonthread_limiter_paused", "gauge", "1 while a 429 lets nothing go.", ("provider",))
LIMITER_EXHAUSTED = Metric(
    "moonthread_limiter_closed",
    "gauge",
    "1 while an account is used up: its balance (quota) or its day (tpd).",
    ("provider", "reason"),
)
PROVIDER_UP = Metric(
    "moonthread_provider_up", "gauge", "0 while a provider is not asked because it fails.", ("provider",)
)
LOOP_LAG = Metric(
    "moonthread_loop_lag_seconds",
    "histogram",
    "How late a timer of one second rang: what every answer waits for.",
    (),
    LAG_BUCKETS,
)
ASYNCIO_TASKS = Metric("moonthread_tasks", "gauge", "Asyncio tasks of this process.")
COMPONENT_READY = Metric(
    "moonthread_ready", "gauge", "1 while a part is ready; the parts are those of /readyz.", ("part",)
)
POLL_LEADER = Metric(
    "moonthread_poll_leader",
    "gauge",
    "1 on the replica that polls a platform for all (Telegram without a webhook).",
    ("platform",),
)
QUEUE_TAKEOVERS = Metric(
    "moonthread_engine_takeovers_total", "counter", "Lines of work that this replica freed from dead ones."
)
LEASES_LOST = Metric(
    "moonthread_engine_fences_total", "counter", "How often this replica gave all its work up (PostgreSQL)."
)
WATCHDOG_RESTARTS = Metric(
    "moonthread_watchdog_restarts_total",
    "counter",
    "Ways in that the watchdog restarted because nothing was heard there.",
    ("platform",),
)

ALL: Final = tuple(value for value in globals().values() if isinstance(value, Metric))

_Collector: TypeAlias = Counter | Gauge | Histogram


class Metrics:
    """The figures of one service in one registry."""

    def __init__(self, *, process: bool = True) -> None:
        """``process`` adds the process's own: memory, processor time, file handles."""
        self.registry = CollectorRegistry()
        if process:
            ProcessCollector(registry=self.registry)
            PlatformCollector(registry=self.registry)
            GCCollector(registry=self.registry)
        self._collectors: Mapping[Metric, _Collector] = {
            metric: self._build_collector(metric) for metric in ALL
        }
        self._children: dict[tuple[Metric, tuple[str, ...]], _Collector] = {}
        self._label_values: dict[tuple[Metric, int], set[str]] = {}

    def increment(self, metric: Metric, *labels: str, amount: float = 1.0) -> None:
        """Add to a counter."""
        part = self._child(metric, labels)
        assert isinstance(part, Counter)  # noqa: S101 (a slip of ours)
        part.inc(amount)

    def observe(self, metric: Metric, *labels: str, seconds: float) -> None:
        """Take one more measurement, in seconds, into a histogram."""
        part = self._child(metric, labels)
        assert isinstance(part, Histogram)  # noqa: S101 (a slip of ours)
        part.observe(seconds)

    def set_gauge(self, metric: Metric, *labels: str, value: float) -> None:
        """Set a gauge."""
        part = self._child(metric, labels)
        assert isinstance(part, Gauge)  # noqa: S101 (a slip of ours)
        part.set(value)

    def render(self) -> bytes:
        """Return all figures in Prometheus' text format."""
        return generate_latest(self.registry)

    def value(self, name: str, **labels: str) -> float:
        """Return one sample's value; 0 where there is none yet."""
        return self.registry.get_sample_value(name, labels) or 0.0

    def _build_collector(self, metric: Metric) -> _Collector:
        match metric.kind:
            case "counter":
                name = metric.name.removesuffix("_total")
                return Counter(name, metric.help, metric.labels, registry=self.registry)
            case "gauge":
                return Gauge(metric.name, metric.help, metric.labels, registry=self.registry)
            case "histogram":
                return Histogram(
                    metric.name, metric.help, metric.labels, registry=self.registry, buckets=metric.buckets
                )

    def _child(self, metric: Metric, labels: tuple[str, ...]) -> _Collector:
        part = self._children.get((metric, labels))
        if part is None:
            whole = self._collectors[metric]
            bounded = [self._bounded_label(metric, index, value) for index, value in enumerate(labels)]
            part = whole.labels(*bounded) if bounded else whole
            if tuple(bounded) == labels:
                self._children[metric, labels] = part
        return part

    def _bounded_label(self, metric: Metric, index: int, value: str) -> str:
        known = self._label_values.setdefault((metric, index), set())
        if value not in known and len(known) >= MAX_LABEL_VALUES:
            return "other"
        known.add(value)
        return value
