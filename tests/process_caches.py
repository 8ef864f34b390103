"""What a process of the tests makes once instead of once a test; a service that runs makes it once too.

Each test starts a service of its own with engines and HTTP clients of its own. Certificates and compiled
statements are the same in all of them and cost a third of the processor's time of a run.
"""

import functools
import gc
import ssl
from typing import Any

from sqlalchemy.engine import Engine
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.util import LRUCache

_STATEMENTS: LRUCache[Any, Any] = LRUCache(4_000)
_init_engine = Engine.__init__


def share() -> None:
    """Share certificates and compiled statements among all clients and engines of this process."""
    ssl.create_default_context = functools.cache(ssl.create_default_context)
    Engine.__init__ = _init_sharing  # type: ignore[method-assign]
    DefaultDialect.__eq__ = _compiles_alike  # type: ignore[method-assign, assignment]
    DefaultDialect.__hash__ = _hash_dialect  # type: ignore[method-assign, assignment]


def freeze_garbage() -> None:
    """Let the garbage collector leave alone what lives as long as the run: thousands of tests and modules."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _init_sharing(self: Engine, *args: Any, **kwargs: Any) -> None:
    _init_engine(self, *args, **kwargs)
    self._compiled_cache = _STATEMENTS


def _compiles_alike(self: Any, other: object) -> bool:
    """Compare dialects as keys of the cache: by what the compiled statements depend on."""
    return _kind(self) == _kind(other)


def _hash_dialect(self: Any) -> int:
    return hash(_kind(self))


def _kind(dialect: Any) -> tuple[type, bool]:
    return type(dialect), getattr(dialect, "_json_serializer", None) is None
