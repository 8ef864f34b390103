"""Workers that run functions in this process, for tests of how results are used."""

from collections.abc import Callable
from typing import Any, TypeVar

import orjson

from core.concurrency.worker_process import parse_reply

Result = TypeVar("Result")


class InlineWorkers:
    """Runs functions at once; results take the way over JSON that a worker process sends them."""

    def __init__(self) -> None:
        """``fail_next`` is raised by the next call, in place of its result."""
        self.fail_next: Exception | None = None

    async def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Return a function's result, as :meth:`core.concurrency.worker_pool.WorkerPool.run` does."""
        error, self.fail_next = self.fail_next, None
        if error is not None:
            raise error
        return parse_reply(function, orjson.dumps({"result": function(*args, **kwargs)}))
