"""Functions on foreign bytes in processes that are killed: real processes, small limits."""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.concurrency.worker_pool import WorkerPool
from core.concurrency.worker_process import (
    WorkerDied,
    WorkerFailed,
    WorkerLimits,
    WorkerPoolClosed,
    WorkerTimeout,
)
from tests.core.concurrency.worker_functions import (
    MEGABYTE,
    Colour,
    Found,
    crash,
    descriptors,
    environment,
    fail,
    find,
    keep,
    open_missing,
    out_of_memory_score,
    process_id,
    spin,
    swallow,
)

ROOT = Path(__file__).parents[3]


def workers() -> list[psutil.Process]:
    """Return the worker processes of this process."""
    return [one for one in psutil.Process().children() if "core.concurrency.worker_main" in _command_of(one)]


def _command_of(process: psutil.Process) -> list[str]:
    """Return a process's command line; [] if it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


async def pid_in(path: Path) -> int:
    """Wait until :func:`spin` has written its process id."""
    while not (text := _text_of(path)):  # noqa: ASYNC110 (another process writes it)
        await asyncio.sleep(0.01)
    return int(text)


def _text_of(path: Path) -> str:
    return path.read_text(encoding="ascii") if path.exists() else ""


def has_ended(pid: int) -> bool:
    """Return whether a process is gone; one that nobody has waited for yet counts as gone."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until_ended(pid: int) -> None:
    """Wait until a process is gone."""
    while not has_ended(pid):  # noqa: ASYNC110 (a process)
        await asyncio.sleep(0.01)


@pytest.fixture
def make_pool() -> Iterator[Callable[..., WorkerPool]]:
    """Make pools that are closed at the end."""
    made: list[WorkerPool] = []

    def make(**limits: Any) -> WorkerPool:
        made.append(WorkerPool(WorkerLimits(**limits), size=2))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def pool(make_pool: Callable[..., WorkerPool]) -> WorkerPool:
    """A pool with the limits that a service has."""
    return make_pool()


async def test_a_result_keeps_its_types(pool: WorkerPool) -> None:
    """Dataclasses, enums and unions arrive as what they were."""
    assert await pool.run(find, "a", colour=Colour.RED) == Found(name="a", colours=(Colour.RED,))
    assert await pool.run(find, "", colour=Colour.RED) is Colour.RED


async def test_no_secret_of_the_service_is_within_reach(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The process has no token in its environment, and no file or connection of the service is open."""
    monkeypatch.setenv("KIMI_API_KEY", "sk-secret")
    with (tmp_path / "database").open("wb"):
        names = await pool.run(environment)
        open_files = await pool.run(descriptors)

    assert "KIMI_API_KEY" not in names
    assert open_files == 4  # standard input, output, error, and the connection


async def test_a_function_that_never_ends_is_killed(
    make_pool: Callable[..., WorkerPool], tmp_path: Path
) -> None:
    """A function that takes longer than it may is reported, and its process is gone."""
    pool = make_pool(timeout_s=1.0)
    with pytest.raises(WorkerTimeout):
        await pool.run(spin, tmp_path / "pid")
    assert workers() == []


async def test_memory_is_limited(make_pool: Callable[..., WorkerPool]) -> None:
    """A function may take the megabytes it is given, and no more."""
    pool = make_pool(memory_bytes=64 * MEGABYTE)
    assert await pool.run(swallow, 32) == 32 * MEGABYTE
    with pytest.raises(WorkerDied, match="out of memory"):
        await pool.run(swallow, 128)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process choose")
async def test_it_is_ended_before_the_service_if_memory_runs_out(pool: WorkerPool) -> None:
    """A container whose memory is used up loses the reading of a file, and not the service."""
    assert await pool.run(out_of_memory_score) == 1000


async def test_a_process_is_used_again(pool: WorkerPool) -> None:
    """One process runs one function after another: starting it costs more than most files."""
    assert len({await pool.run(process_id) for _ in range(3)}) == 1


async def test_two_functions_at_a_time_have_two_processes(pool: WorkerPool) -> None:
    """No function shares its process, its memory limit or its end with another one that runs."""
    both = await asyncio.gather(pool.run(process_id, after_s=0.2), pool.run(process_id, after_s=0.2))
    assert len(set(both)) == 2


async def test_a_process_that_ended_meanwhile_is_replaced(pool: WorkerPool) -> None:
    """A process that nobody needed for a while has ended; its end is no fault of the next file."""
    psutil.Process(before := await pool.run(process_id)).kill()
    await until_ended(before)
    assert await pool.run(process_id) != before


async def test_a_process_that_keeps_memory_is_replaced(pool: WorkerPool) -> None:
    """What one file leaves behind does not count against the next one's limit."""
    before = await pool.run(process_id)
    await pool.run(keep, 100)
    assert await pool.run(process_id) != before


async def test_a_process_that_may_keep_memory_goes_on_within_its_limit(
    make_pool: Callable[..., WorkerPool],
) -> None:
    """A model stays loaded; what is kept counts, so that a leak ends the process and not the machine."""
    pool = make_pool(memory_bytes=400 * MEGABYTE, keeps_memory=True)
    first = await pool.run(process_id)
    await pool.run(keep, 200)
    assert await pool.run(process_id) == first
    with pytest.raises(WorkerDied):
        await pool.run(keep, 300)


async def test_no_process_is_started_before_it_is_needed(make_pool: Callable[..., WorkerPool]) -> None:
    """A service that reads no file has no worker."""
    make_pool().close()
    assert workers() == []


async def test_a_closed_pool_leaves_no_process(make_pool: Callable[..., WorkerPool]) -> None:
    """Those that wait for work end with the pool."""
    pool = make_pool()
    await pool.run(process_id)
    assert len(workers()) == 1
    pool.close()
    assert workers() == []


async def test_a_crash_is_reported(pool: WorkerPool) -> None:
    """A process that crashes takes nothing else with it; the next function runs."""
    with pytest.raises(WorkerDied):
        await pool.run(crash)
    assert await pool.run(swallow, 1) == MEGABYTE


async def test_a_defect_is_reported_without_the_files_words(pool: WorkerPool) -> None:
    """The error has the exception's type and place; its message, which may quote a file, stays behind."""
    with pytest.raises(WorkerFailed, match=r"ValueError at worker_functions\.py:\d+") as failed:
        await pool.run(fail, "the words of a person")
    assert "person" not in str(failed.value)


async def test_an_os_error_arrives_as_itself(pool: WorkerPool) -> None:
    """A file that cannot be opened is an OSError here too."""
    with pytest.raises(FileNotFoundError):
        await pool.run(open_missing)


async def test_a_cancelled_caller_kills_its_process(pool: WorkerPool, tmp_path: Path) -> None:
    """The process of a question that was stopped does not go on."""
    path = tmp_path / "pid"
    running = asyncio.create_task(pool.run(spin, path))
    pid = await pid_in(path)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until_ended(pid)


async def test_a_closed_pool_runs_nothing(pool: WorkerPool, tmp_path: Path) -> None:
    """Closing kills what runs, and what waits is refused."""
    path = tmp_path / "pid"
    running = asyncio.create_task(pool.run(spin, path))
    pid = await pid_in(path)
    pool.close()
    with pytest.raises(WorkerPoolClosed):
        await running
    with pytest.raises(WorkerPoolClosed):
        await pool.run(swallow, 1)
    assert has_ended(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the CPU limit ends it, which takes longer")
async def test_no_process_outlives_a_killed_service(tmp_path: Path) -> None:
    """After kill -9 of the service its busy worker process is gone too."""
    path = tmp_path / "pid"
    program = (
        "import asyncio, pathlib, sys\n"
        "from core.concurrency.worker_pool import WorkerPool\n"
        "from tests.core.concurrency.worker_functions import spin\n"
        "asyncio.run(WorkerPool().run(spin, pathlib.Path(sys.argv[1])))\n"
    )
    with subprocess.Popen(  # noqa: ASYNC220 (our own interpreter)
        [sys.executable, "-c", program, str(path)], cwd=ROOT
    ) as service:
        try:
            pid = await pid_in(path)
        finally:
            service.kill()
    await until_ended(pid)
