import asyncio
import signal
import sys

import httpx


async def test_it_runs_by_itself_until_it_is_interrupted(client: httpx.AsyncClient) -> None:
    """``python -m`` prints the base URL, serves there, and leaves quietly on an interrupt."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bots.simulator.kimi", "--tier", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    base_url = (await asyncio.wait_for(process.stdout.readline(), timeout=100)).decode().strip()
    response = await client.get(f"{base_url}/models")
    process.send_signal(signal.SIGINT)

    assert response.status_code == 200
    assert response.headers["msh-gid"] == "tier0"
    assert await asyncio.wait_for(process.wait(), timeout=100) == 0
