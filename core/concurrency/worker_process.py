"""A process that runs functions and can be killed: for work on bytes that strangers sent.

A thread cannot be stopped, and a pattern that runs wild holds the interpreter's lock. The process has
no inherited descriptors and no environment, so neither tokens nor the database are within reach of a
parser's defect; its reply is JSON, so it cannot make the parent execute anything. It ends with its
parent, whatever it is doing: the kernel kills it (Linux), or its CPU limit does.
"""

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, get_type_hints

import orjson
from pydantic import TypeAdapter

from core.concurrency import worker_wire

Result = TypeVar("Result")

_ROOT: Final = Path(__file__).parents[2]  #: the folder that holds the package ``core``
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR")


class WorkerTimeout(Exception):
    """The function was still running at the end of its time; its process was killed."""


class WorkerDied(Exception):
    """The process ended without a reply: out of memory, killed, or crashed."""


class WorkerGone(Exception):
    """The process had ended before the function was sent to it, such as after a long time without one."""


class WorkerPoolClosed(Exception):
    """The service is stopping; nothing is run any more."""


class WorkerFailed(Exception):
    """The function raised an exception that is a defect of ours; the text has its type and place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """What one function may take."""

    timeout_s: float = 20.0
    memory_bytes: int = 256 * 1024 * 1024  #: address space on top of the interpreter's own
    threads: int = 1  #: that may compute at the same time
    keeps_memory: bool = False  #: whether a process that holds much after a call goes on, such as a model


class WorkerProcess:
    """One process for one call after another. Blocking; :meth:`kill` may be called from another thread."""

    def __init__(self, limits: WorkerLimits) -> None:
        """Start nothing yet."""
        self._limits = limits
        self._lock = threading.Lock()  # between starting and killing
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._killed = False
        self._timed_out = False

    @property
    def is_usable(self) -> bool:
        """Whether another call may be tried."""
        return not self._killed

    def call(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Run a module's function in the process and return its result.

        Args:
            function: found by its name; its return annotation says what the reply is parsed as, and has
                to be a type that pydantic reads from JSON (dataclasses, enums, sequences, unions).
            args: pickled.
            kwargs: pickled.

        Raises:
            WorkerTimeout: it took too long.
            WorkerDied: the process ended without a reply.
            WorkerGone: the process had ended before; another one may be tried.
            WorkerFailed: the function raised something else than an OSError.
            OSError: the function raised it, or the process could not be started.
        """
        request = pickle.dumps((function, args, kwargs))
        connection = self._start()
        timer = threading.Timer(self._limits.timeout_s, self._time_out)
        timer.daemon = True
        timer.start()
        is_accepted = False
        try:
            worker_wire.send(connection, request)
            worker_wire.receive(connection)
            is_accepted = True
            reply = worker_wire.receive(connection)
        except (EOFError, OSError) as exc:  # the process has ended
            status = self.end()
            error = WorkerTimeout if self._timed_out else WorkerDied if is_accepted else WorkerGone
            raise error(f"{function.__name__}: exit status {status}") from exc
        finally:
            timer.cancel()
        return parse_reply(function, reply)

    def kill(self) -> None:
        """End the process at once, or keep it from starting; its call raises :class:`WorkerDied`."""
        with self._lock:
            self._killed = True
            if self._process is not None:
                self._process.kill()

    def end(self) -> int | None:
        """Kill the process, wait for its end, and return its exit status; None if it was never started."""
        self.kill()
        if self._connection is not None:
            self._connection.close()
        return self._process.wait() if self._process is not None else None

    def _start(self) -> socket.socket:
        """Return the connection to the process, which is started if it is not running."""
        with self._lock:
            if self._killed:
                raise WorkerDied("killed before it was started")
            if self._connection is not None:
                return self._connection
            with contextlib.ExitStack() as stack:
                ours, theirs = socket.socketpair()
                stack.callback(ours.close)
                with theirs:
                    self._process = _spawn(theirs.fileno(), self._limits)
                stack.pop_all()
            self._connection = ours
        return ours

    def _time_out(self) -> None:
        self._timed_out = True
        self.kill()


def _spawn(descriptor: int, limits: WorkerLimits) -> "subprocess.Popen[bytes]":
    # Without the module "site", which takes longer than the interpreter itself.
    folders = [str(_ROOT), *(folder for folder in sys.path if folder and Path(folder).is_dir())]
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return subprocess.Popen(  # noqa: S603 (our own interpreter and module)
        [
            *(sys.executable, "-S", "-P", "-m", "core.concurrency.worker_main"),
            *(str(descriptor), str(os.getpid())),
            *(
                str(limits.timeout_s * limits.threads),
                str(limits.memory_bytes),
                str(int(limits.keeps_memory)),
            ),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=[descriptor],
        env={"PYTHONPATH": os.pathsep.join(folders), **inherited},
        start_new_session=True,  # a terminal's Ctrl-C is for the service alone
    )


def parse_reply(function: Callable[..., Result], reply: bytes) -> Result:
    """Return the result in a reply of :mod:`core.concurrency.worker_main`; raises what ``call`` raises."""
    match orjson.loads(reply):
        case {"result": result}:
            expected: TypeAdapter[Result] = TypeAdapter(get_type_hints(function)["return"])
            return expected.validate_python(result, strict=False)
        case {"os_error": [int(code), str(text)]}:
            raise OSError(code, text)
        case {"out_of_memory": True}:
            raise WorkerDied(f"{function.__name__}: out of memory")
        case {"error": str(error)}:
            raise WorkerFailed(error)
        case _:
            raise WorkerFailed(f"{function.__name__}: a reply of an unknown form")
