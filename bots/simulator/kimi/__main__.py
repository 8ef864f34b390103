"""Run the stand-in by itself: ``python -m bots.simulator.kimi --port 8123``.

Prints the base URL and serves the demo's script until it is interrupted.
"""

import argparse
import asyncio
import contextlib
import sys

from bots.simulator.kimi.account import Account
from bots.simulator.kimi.app import KimiSimulator


async def serve(port: int, tier: int) -> None:
    """Serve on ``port`` (0: a free one) with the limits of ``tier`` until cancelled."""
    kimi = KimiSimulator(account=Account.tier(tier))
    await kimi.start(port=port)
    sys.stdout.write(f"{kimi.base_url}\n")
    sys.stdout.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await kimi.close()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m bots.simulator.kimi", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--tier", type=int, default=5, choices=range(6), help="the account's limits")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.tier))


if __name__ == "__main__":
    main()
