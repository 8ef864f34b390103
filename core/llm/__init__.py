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

from core.llm.gateway import AccountModel, Asker, Provider
from core.llm.limiter_store import Ledger, MemoryLedger, StoreLedger, account_name
from core.llm.limits import TIERS, AccountLimits, Timing, limits_of
from core.llm.permit import Slot
from core.llm.rate_limiter import Admission, Ask, Load, OnPlace, Place
from core.llm.write_behind_store import KeptLedger

__all__ = [
    "TIERS",
    "AccountLimits",
    "AccountModel",
    "Admission",
    "Ask",
    "Asker",
    "KeptLedger",
    "Ledger",
    "Load",
    "MemoryLedger",
    "OnPlace",
    "Place",
    "Provider",
    "Slot",
    "StoreLedger",
    "Timing",
    "account_name",
    "limits_of",
]
