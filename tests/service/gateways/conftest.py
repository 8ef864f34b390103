"""Gateways and mock servers by other authors, from the package index, each as a process of its own.

``make test-gateways`` installs them into a venv of their own, build/gateways, and runs these tests on the
machine's clock. A gateway stands between the service and the scripted Kimi, whose port it knows from its
configuration; a mock server answers by itself.
"""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

SCRIPTS: Final = Path(__file__).parents[3] / "build" / "gateways" / "bin"
START_S: Final = 240.0  #: importing LiteLLM takes 25 s of an idle core


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A running server, and the port at which it expects the Kimi behind it."""

    base_url: str
    key: str
    kimi_port: int = 0  #: 0: there is none behind it

    async def front(self, world: Any) -> None:
        """Move the world's Kimi behind this gateway and let the service ask the gateway."""
        if self.kimi_port:
            await world.kimi.close()
            await world.kimi.start(port=self.kimi_port)
        world.given |= {"kimi_base_url": self.base_url, "kimi_api_key": self.key}


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def served(arguments: Sequence[str], *, folder: Path, ready_url: str, **environ: str) -> Iterator[None]:
    """Run a server of build/gateways until the block ends; it begins once ``ready_url`` answers anything."""
    program = SCRIPTS / arguments[0]
    if not program.exists():
        pytest.skip("build/gateways is missing: run make test-gateways")
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR") if name in os.environ}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *arguments[1:]],
            cwd=folder,
            env=inherited | {"HOME": str(folder), "LANG": "C.UTF-8"} | environ,
            stdout=log,
            stderr=log,
        )
        try:
            _await_answer(process, ready_url, folder / "server.log")
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await_answer(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - an address of ours
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"{url} does not answer: {log.read_text(errors='replace')[-2000:]}")
