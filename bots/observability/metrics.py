"""Every metric of a replica: name, kind, labels and meaning. The table in README.md is generated from them.

Names end in their unit (https://prometheus.io/docs/practices/naming/). Labels have few values by
design (platforms, outcomes, models), and none of them holds a person, a chat or a text.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

MetricKind: TypeAlias = Literal["counter", "gauge", "histogram"]

FAST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SLOW_BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0)
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """Definition of one metric.

    ``name`` is the name that Prometheus shows, with ``_total`` for a counter; ``buckets`` are upper
    bounds in seconds.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = FAST_BUCKETS


BUILD_INFO = Metric(
    "moonthread_build_info", "gauge", "Always 1; labelled with the running version.", ("version",)
)
EVENTS = Metric(
    "moonthread_events_total",
    "counter",
    "Events received from a platform; result is new, ignored (a duplicate, or not for the bot) or failed "
    "(not stored, so the platform delivers it again).",
    ("platform", "type", "result"),
)
INGEST_TIME = Metric(
    "moonthread_ingest_seconds",
    "histogram",
    "From receiving an event to its commit, after which it is acknowledged.",
    ("platform",),
)
TURNS = Metric(
    "moonthread_turns_total",
    "counter",
    "Turns that this replica finished, by outcome; type is question, or command for everything that Kimi is "
    "not asked.",
    ("platform", "type", "outcome"),
)
TURN_TIME = Metric(
    "moonthread_turn_seconds",
    "histogram",
    "From claiming a question to its whole answer on the screen.",
    ("platform",),
    SLOW_BUCKETS,
)
QUEUE_WAIT = Metric(
    "moonthread_queue_wait_seconds",
    "histogram",
    "From storing an event to claiming it: time behind others and for a free replica.",
    ("platform",),
    SLOW_BUCKETS,
)
TURNS_TAKEN_OVER = Metric(
    "moonthread_turns_taken_over_total",
    "counter",
    "Turns that this replica resumed after an earlier attempt (a restart, or the death of another replica).",
    ("platform",),
)
TURNS_LOST = Metric(
    "moonthread_turns_lost_total", "counter", "Turns that a later attempt took from this replica."
)
RUNNING_TURNS = Metric("moonthread_running_turns", "gauge", "Questions that this replica is answering now.")
QUEUE_EVENTS = Metric(
    "moonthread_queue_events", "gauge", "Open events of the whole deployment: waiting or being answered."
)
QUEUE_OLDEST_AGE = Metric(
    "moonthread_queue_oldest_seconds", "gauge", "Age of the oldest open event of the whole deployment."
)
TIME_TO_FIRST_TOKEN = Metric(
    "moonthread_time_to_first_token_seconds",
    "histogram",
    "From storing a question to the first text of its answer on the screen.",
    ("platform",),
    SLOW_BUCKETS,
)
TEXT_TO_SCREEN_LATENCY = Metric(
    "moonthread_text_to_screen_latency_seconds",
    "histogram",
    "From receiving a piece of text from Kimi to showing it: the oldest new piece of each call.",
    ("platform",),
)
PLATFORM_CALLS = Metric(
    "moonthread_platform_calls_total",
    "counter",
    "Successful calls by action: post, edit, delete, finalize_orphan, find, status, file or topic.",
    ("platform", "action"),
)
PLATFORM_ERRORS = Metric(
    "moonthread_platform_errors_total",
    "counter",
    "Failed calls, by reason: rate_limited, gone, refused, forbidden, unavailable, outcome_unknown, aborted "
    "(by the bot) or other.",
    ("platform", "reason"),
)
PLATFORM_CALL_TIME = Metric(
    "moonthread_platform_call_seconds",
    "histogram",
    "Duration of a call that shows an answer.",
    ("platform", "action"),
)
KIMI_CALLS = Metric(
    "moonthread_kimi_calls_total",
    "counter",
    "Chat requests to Kimi, by outcome: ok, cancelled (also if another provider took over) or an error code.",
    ("provider", "model", "outcome"),
)
KIMI_CALL_TIME = Metric(
    "moonthread_kimi_call_seconds",
    "histogram",
    "From sending a chat request to its end.",
    ("model",),
    SLOW_BUCKETS,
)
KIMI_TIME_TO_FIRST_TOKEN = Metric(
    "moonthread_kimi_time_to_first_token_seconds",
    "histogram",
    "From sending a chat request to Kimi's first delta, reasoning included.",
    ("model",),
    SLOW_BUCKETS,
)
KIMI_TOKENS = Metric(
    "moonthread_kimi_tokens_total",
    "counter",
    "Tokens as Kimi counted them: prompt (of which cached) and completion (of which reasoning).",
    ("model", "type"),
)
KIMI_COST = Metric(
    "moonthread_kimi_cost_usd_total",
    "counter",
    "Cost of the tokens, if the model's price is known.",
    ("model",),
)
LIMITER_WAIT = Metric(
    "moonthread_limiter_wait_seconds",
    "histogram",
    "Time that a request waited in the provider's fair queue.",
    ("provider",),
    SLOW_BUCKETS,
)
LIMITER_WAITING = Metric(
    "moonthread_limiter_waiting",
    "gauge",
    "Requests of this replica in the provider's fair queue.",
    ("provider",),
)
LIMITER_RUNNING = Metric(
    "moonthread_limiter_running", "gauge", "Requests of this replica at the provider.", ("provider",)
)
LIMITER_LIMIT = Metric(
    "moonthread_limiter_limit",
    "gauge",
    "Limits of a provider's account, configured or observed: concurrency, rpm, tpm, tpd.",
    ("provider", "limit"),
)
LIMITER_PAUSED = Metric(
    "moonthread_limiter_paused", "gauge", "1 while a 429 holds every request back.", ("provider",)
)
LIMITER_EXHAUSTED = Metric(
    "moonthread_limiter_exhausted",
    "gauge",
    "1 while an account has no balance (quota) or no tokens of the day (tpd) left.",
    ("provider", "reason"),
)
PROVIDER_UP = Metric(
    "moonthread_provider_up", "gauge", "0 while a provider's circuit breaker is open.", ("provider",)
)
MCP_SERVER_UP = Metric(
    "moonthread_mcp_server_up", "gauge", "0 while an MCP server of mcp.json cannot be called.", ("server",)
)
LOOP_LAG = Metric(
    "moonthread_loop_lag_seconds",
    "histogram",
    "How late a timer of one second fired: the delay that every task of the event loop suffers.",
    (),
    LAG_BUCKETS,
)
ASYNCIO_TASKS = Metric("moonthread_asyncio_tasks", "gauge", "Asyncio tasks of this process.")
COMPONENT_READY = Metric(
    "moonthread_component_ready", "gauge", "1 while a component of /readyz is ready.", ("component",)
)
POLL_LEADER = Metric(
    "moonthread_poll_leader",
    "gauge",
    "1 on the replica that polls a platform for all replicas (Telegram without a webhook).",
    ("platform",),
)
QUEUE_TAKEOVERS = Metric(
    "moonthread_queue_takeovers_total", "counter", "Queues that this replica took from dead replicas."
)
LEASES_LOST = Metric(
    "moonthread_lease_lost_total",
    "counter",
    "How often this replica lost its lease and gave up all of its work (PostgreSQL).",
)
WATCHDOG_RESTARTS = Metric(
    "moonthread_watchdog_restarts_total",
    "counter",
    "Connections that the watchdog restarted because they had been silent for too long.",
    ("platform",),
)

ALL: Final = tuple(value for value in globals().values() if isinstance(value, Metric))
