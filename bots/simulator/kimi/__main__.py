"""Run the stand-in by itself: ``python -m bots.simulator.kimi --port 8123``.

Prints the base URL and serves until it is interrupted: the demo's script, or a scenario of
:mod:`bots.simulator.kimi.scenario` with ``--scenario nul-in-words``. ``--list`` prints the scenarios.
"""

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

from bots.simulator.kimi.account import Account
from bots.simulator.kimi.app import KimiSimulator
from bots.simulator.kimi.scenario import SCENARIOS, Scenario, load_scenarios


async def serve(port: int, tier: int, scenario: Scenario | None = None) -> None:
    """Serve on ``port`` (0: a free one) with the limits of ``tier`` until cancelled."""
    kimi = KimiSimulator(account=Account.tier(tier))
    if scenario is not None:
        kimi.script, kimi.host = scenario.script(), scenario.host
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
    parser.add_argument("--scenario", default="", help="name of a scenario to play")
    parser.add_argument("--scenario-file", type=Path, default=SCENARIOS, help="JSON; default: those shipped")
    parser.add_argument("--list", action="store_true", help="print the scenarios and leave")
    arguments = parser.parse_args()
    scenarios = load_scenarios(arguments.scenario_file)
    if arguments.list:
        sys.stdout.writelines(f"{name}: {one.about}\n" for name, one in scenarios.items())
        return
    if arguments.scenario and arguments.scenario not in scenarios:
        parser.error(f"there is no scenario {arguments.scenario!r}; --list prints them")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.port, arguments.tier, scenarios.get(arguments.scenario)))


if __name__ == "__main__":
    main()
