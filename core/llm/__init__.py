"""The account's limits, shared fairly by everybody who asks and by every replica.

::

    limits.py     what a tier grants
    state.py      what replicas share: leases, windows, the line, what was learnt; pure data
    changes.py    what a replica tells: who waits, what runs, what Kimi said; pure
    decide.py     who may go now; pure
    line.py       the fair order of those who wait; pure
    forecast.py   when each of them will probably be asked; pure
    ledger.py     where the state is kept: a port, a twin in memory, the store that replicas share
    kept.py       the same for a process that is alone: in memory, stored a moment later
    admission.py  slots to wait for, in this process
    breaker.py    which provider is up; pure
    model.py      Kimi behind all of this, over several providers
"""

from core.llm.account_limits import TIERS, AccountLimits, LimiterTiming, build_limits
from core.llm.gateway import LlmGateway, Provider, Requester
from core.llm.limiter_store import DatabaseLimiterStore, LimiterStore, MemoryLimiterStore, account_name
from core.llm.permit import Permit
from core.llm.rate_limiter import LimiterLoad, OnQueuePosition, PermitRequest, QueuePosition, RateLimiter
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
    "OnQueuePosition",
    "Permit",
    "PermitRequest",
    "Provider",
    "QueuePosition",
    "RateLimiter",
    "Requester",
    "WriteBehindStore",
    "account_name",
    "build_limits",
]
