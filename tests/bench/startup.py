"""How long a start takes with 2,000 conversations, a waiting question in each, and 100,000 messages.

``python -m tests.bench.startup`` prints one JSON object for each database.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.scaleout.conftest import Server
from tests.service.test_startup import measured


async def startup() -> dict[str, Any]:
    """Measure both databases; seconds until the service takes events."""
    with tempfile.TemporaryDirectory() as folder:
        found = {"sqlite": await measured(f"sqlite:///{folder}/moonthread.db", Path(folder))}
        server = await asyncio.to_thread(Server)
        try:
            found["postgresql"] = await measured(server.url, Path(folder))
        finally:
            await asyncio.to_thread(server.close)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(startup())) + "\n")
