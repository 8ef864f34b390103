"""The child of :class:`core.concurrency.worker_process.WorkerProcess`. Imports little, to start fast."""

import contextlib
import ctypes
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from core.concurrency import worker_wire

ACCEPTED: Final = b"accepted"  #: sent before a function runs: an end from here on is the function's
_PR_SET_PDEATHSIG: Final = 1  #: ``prctl(2)``: the signal that a process gets when its parent ends
_SPARE_CPU_S: Final = 2  #: on top of the time that the parent allows; it kills first
_IDLE_S: Final = 120.0  #: the process ends after so long without a function to run
_MAX_CALLS: Final = 200
_MAX_GROWTH_BYTES: Final = 64 * 1024 * 1024  #: a process that keeps more than that after a call ends


def main(arguments: Sequence[str]) -> None:
    """Receive functions with their arguments, run each, and send its reply, until nothing comes any more.

    Args:
        arguments: descriptor of the connection, process id of the parent, seconds of computing and bytes of
            one call, and "1" if the process may keep much memory.
    """
    descriptor, parent_id, cpu_s, memory_bytes, keeps_memory = arguments
    _die_with_parent(int(parent_id))
    _die_first()
    base_bytes = 0
    with socket.socket(fileno=int(descriptor)) as connection, contextlib.suppress(EOFError, OSError):
        connection.settimeout(_IDLE_S)
        for _ in range(_MAX_CALLS):
            request = worker_wire.receive(connection)
            worker_wire.send(connection, ACCEPTED)
            function, args, kwargs = pickle.loads(request)  # noqa: S301 (from our own parent)
            del request
            mapped_bytes = _mapped_bytes()
            base_bytes = base_bytes or mapped_bytes
            free_from = base_bytes if keeps_memory == "1" else mapped_bytes
            _limit(float(cpu_s), free_from and free_from + int(memory_bytes))
            worker_wire.send(connection, _run(function, args, kwargs))
            del args, kwargs
            if keeps_memory != "1" and _mapped_bytes() - base_bytes > _MAX_GROWTH_BYTES:
                break


def _run(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps({"result": function(*args, **kwargs)})
    except MemoryError:
        return b'{"out_of_memory":true}'
    except OSError as exc:
        return orjson.dumps({"os_error": [exc.errno or 0, exc.strerror or type(exc).__name__]})
    except Exception as exc:  # noqa: BLE001 (the parent raises and logs it)
        # Without the message, which may quote the file.
        place = exc.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else "?"
        return orjson.dumps({"error": f"{type(exc).__name__} at {where}"})


def _die_with_parent(parent_id: int) -> None:
    """Have the kernel kill this process when its parent ends; elsewhere than on Linux, its limits do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_id:
        os._exit(1)


def _die_first() -> None:
    """Have the kernel end this process, and not the service, if memory runs out; only Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")


def _mapped_bytes() -> int:
    """Return the size of the address space; 0 if the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def _limit(cpu_s: float, memory_bytes: int) -> None:
    """Limit the seconds of the next call and the address space; 0 bytes are no limit."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until_s = int(used.ru_utime + used.ru_stime + cpu_s) + _SPARE_CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (until_s, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)  # nothing is left to tidy, and a large heap takes long to free
