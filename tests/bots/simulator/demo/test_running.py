"""``moonthread demo`` as a process and as a context."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bots.simulator.demo import opened
from bots.simulator.kimi import KimiSimulator
from bots.simulator.kimi.script import answer_with
from core.domain.errors import SettingsError
from core.settings import Settings


@asynccontextmanager
async def started(folder: Path, *arguments: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the real command in an empty folder with hardly an environment."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from bots.cli import main; main()",
        "demo",
        *arguments,
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(sys.path),
            **environ,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def lines_until(process: asyncio.subprocess.Process, last: str) -> str:
    """Return what the process prints up to the line that holds ``last``."""
    assert process.stdout is not None
    lines = ""
    async with asyncio.timeout(100):
        while last not in lines:
            line = await process.stdout.readline()
            assert line, lines
            lines += line.decode()
    return lines


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_prints_its_address_and_ends_quietly(
    tmp_path: Path, number: signal.Signals
) -> None:
    """It says where it is and who answers; a signal ends it with status 0, nothing on standard error."""
    async with started(tmp_path, "--port", "0", "--no-browser") as process:
        told = await lines_until(process, "Ctrl-C")
        address = re.search(r"http://127\.0\.0\.1:\d+", told)
        assert address is not None
        assert "scripted stand-in" in told
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            assert "Moonthread" in (await client.get(address[0])).text
            async with client.stream("GET", f"{address[0]}/events"):  # an open page must not hold it up
                process.send_signal(number)
                async with asyncio.timeout(100):
                    _, errors = await process.communicate()

    assert errors.decode() == ""
    assert process.returncode == 0
    assert os.listdir(tmp_path) == []  # noqa: PTH208 (tidier than a thread for one look)


@pytest.mark.slow
async def test_a_port_that_is_taken_is_replaced_by_a_free_one(tmp_path: Path) -> None:
    """The command says that the port is taken and serves at another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with started(tmp_path, "--port", str(port), "--no-browser") as process:
            told = await lines_until(process, "Ctrl-C")

    assert f"Port {port} is taken" in told
    assert f"http://127.0.0.1:{port}\n" not in told
    assert re.search(r"http://127\.0\.0\.1:\d+\n", told)


@pytest.mark.slow
async def test_settings_with_a_key_make_their_kimi_answer() -> None:
    """With a key the person's own Kimi and model are asked, and the page says so."""
    async with KimiSimulator(script=answer_with("I am the one you pay for.")) as kimi:
        settings = Settings(
            kimi_api_key=SecretStr("sk-test"), kimi_base_url=kimi.base_url, kimi_model="kimi-k3"
        )
        async with (
            opened(kimi=settings) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as page,
        ):
            said = {"visitor": 0, "platform": "telegram", "channel": "1001", "text": "Who are you?"}
            async with page.stream("GET", "/events") as events, asyncio.timeout(100):
                lines = events.aiter_lines()
                snapshot = await anext(lines)
                await page.post("/say", json=said)
                async for line in lines:
                    if "the one you pay for" in line:
                        break

    assert '"kimi":{"real":true,"model":"kimi-k3"}' in snapshot
    assert [request.model for request in kimi.requests] == ["kimi-k3"]


@pytest.mark.slow
async def test_a_key_that_kimi_refuses_is_told_at_once() -> None:
    """The demo does not start with a wrong key, and names the setting."""
    async with KimiSimulator() as kimi:
        settings = Settings(kimi_api_key=SecretStr("sk-wrong"), kimi_base_url=kimi.base_url)
        with pytest.raises(SettingsError, match="KIMI_API_KEY"):
            async with opened(kimi=settings):
                pass
