"""Kimi within the limits of its accounts: shared fairly by all requesters and by every replica.

::

    gateway.py            a ChatModel over several providers
    provider_pool.py      the providers and their health
    failover.py           which provider is tried next, and when; pure
    circuit_breaker.py    whether a provider is up; pure
    call_metrics.py       measurements of one request

    rate_limiter.py       permits to wait for, in this process
    permit.py             a permit to send one request
    limiter_replica.py    this process as one of the replicas that share an account
    limiter_policy.py     which waiting requests may be sent; pure
    fair_queue.py         the fair order of waiting requests; pure
    eta.py                estimated waits; pure
    limiter_reports.py    how a replica's report changes the shared state; pure
    limiter_refusals.py   what a refusal of Kimi teaches; pure
    sliding_window.py     counts by minute and day; pure
    limiter_state.py      the shared state; plain data
    limiter_codec.py      the shared state as JSON and back; pure
    limiter_store.py      where the state is kept
    write_behind_store.py where a process without replicas keeps it
    account_limits.py     what a tier grants

    masking_model.py      a ChatModel that never receives secrets
    pseudonymizing_model.py  a ChatModel that never receives ids
    clean_model.py        a ChatModel without template markers in its text
    text_filter.py        what is taken out of a reply's text; pure
    resumable_stream.py   one answer over several requests
    continuation.py       what a continuation repeats of the text before it; pure
    streamed_answer.py    an answer as it grows
    text_completer.py     short texts that nobody watches grow
    usage_meter.py        accounting of calls
"""

from core.llm.account_limits import TIERS, AccountLimits, LimiterTiming, build_limits
from core.llm.gateway import LlmGateway
from core.llm.limiter_store import DatabaseLimiterStore, LimiterStore, MemoryLimiterStore, account_name
from core.llm.permit import Permit
from core.llm.provider_pool import Provider
from core.llm.rate_limiter import LimiterLoad, RateLimiter
from core.llm.write_behind_store import WriteBehindStore

__all__ = [
    "TIERS",
    "AccountLimits",
    "DatabaseLimiterStore",
    "LimiterLoad",
    "LimiterStore",
    "LimiterTiming",
    "LlmGateway",
    "MemoryLimiterStore",
    "Permit",
    "Provider",
    "RateLimiter",
    "WriteBehindStore",
    "account_name",
    "build_limits",
]
