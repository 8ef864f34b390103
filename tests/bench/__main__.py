"""Run the benchmark: ``python -m tests.bench [PART ...] [--publish]``; ``make bench`` runs the first three.

Parts: ``policy`` (simulated time), ``delays`` (ours and two plain bots, real time), ``load`` (CPU and
memory); by name: ``growth`` (cost against work), ``soak`` (20,000 turns, and what is left of them),
``scaleout`` (two replicas on PostgreSQL), ``startup`` (with a long past, on both databases), ``requests``
(from an event to Kimi's request), ``retrieval`` (a question among 5,000 passages).
Results go to ``tests/bench/results``: ``bench.json``, ``bench.svg`` and ``growth.svg``; what has moved since
the last run is printed as a ratio. ``--publish`` copies the picture of the delays to ``.github/images``. The
machine should have nothing else to do.
"""

import argparse
import asyncio
import copy
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bench import plot, report
from tests.bench.delays import finished, optimum_of

Row = dict[str, Any]

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PICTURE = HERE.parents[1] / ".github" / "images" / "bench.svg"
OURS = "moonthread"
PARTS = ("policy", "delays", "load", "growth", "soak", "scaleout", "startup", "requests", "retrieval")
USUAL_PARTS = ("policy", "delays", "load")
STREAMS = (50, 200, 500)
BATCHES: Sequence[Sequence[tuple[str, str]]] = (
    # (scenarios, bot); each runs in a process of its own, those of one line side by side
    (("singles", "moonthread"), ("workspaces", "moonthread")),
    (("chats", "moonthread"),),
    (
        ("singles", "edit per 20 chunks"),
        ("workspaces", "edit per 20 chunks"),
        ("singles", "1 s loop"),
        ("workspaces", "1 s loop"),
    ),
    (("chats", "edit per 20 chunks"), ("chats", "1 s loop")),
)


def run_batch(name: str, bot: str, target: Path) -> None:
    """Measure one batch in this process and write its rows."""
    import structlog

    from bots.cli.terminal import run_async
    from tests.bench import delays

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    batches = {
        "singles": (*delays.SINGLES, *delays.LONG),
        "workspaces": delays.WORKSPACES,
        "chats": delays.CHATS,
    }
    scenarios = [replace(one, bot=bot) for one in batches[name]]
    if bot != delays.OURS:
        scenarios = [one for one in scenarios if one.language == delays.Chinese()]
    rows = run_async(delays.measure_all(scenarios))
    target.write_text(json.dumps(rows), "utf-8")


async def run_delays(kept: Sequence[Row], *, ours: bool) -> list[Row]:
    """Measure every batch, each in a process of its own; with ``ours`` the plain bots' rows are kept."""
    rows: list[Row] = [row for row in kept if ours and row["bot"] != OURS]
    with tempfile.TemporaryDirectory() as folder:
        for line in BATCHES:
            if ours and line[0][1] != OURS:
                continue
            _say(f"delays: {', '.join(f'{name} by {bot}' for name, bot in line)}")
            targets = [Path(folder) / f"{index}.json" for index in range(len(line))]
            await asyncio.gather(
                *(_batch(name, bot, target) for (name, bot), target in zip(line, targets, strict=True))
            )
            for target in targets:
                rows += json.loads(target.read_text("utf-8"))
                target.unlink()
    _say("delays: computing the optima")
    with ProcessPoolExecutor(min(os.cpu_count() or 1, 4)) as pool:
        ours_only = [row for row in rows if row["bot"] == OURS]
        optima = dict(
            zip([row["scenario"] for row in ours_only], pool.map(optimum_of, ours_only), strict=True)
        )
    rows = [finished(row, optima[row["scenario"]]) for row in rows]
    first = [row["scenario"] for row in rows if row["bot"] == OURS]
    return sorted(rows, key=lambda row: (first.index(row["scenario"]), row["bot"] != OURS))


async def _batch(name: str, bot: str, target: Path) -> None:
    arguments = ("-m", "tests.bench", "--batch", name, "--bot", bot, "--target", str(target))
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments)
    try:
        if await process.wait():
            raise SystemExit(f"bench: {name} by {bot} failed; see above")
    finally:
        if process.returncode is None:
            process.terminate()


async def run_load(streams: Sequence[int]) -> tuple[list[Row], Row | None]:
    """Measure each number of streams, and one of them once more with fewer chunks."""
    from tests.bench.load import PER_S, measure_load, split_cost

    rows = []
    for count in streams:
        _say(f"load: {count} streams")
        rows.append(await measure_load(count))
    if 50 not in streams:
        return rows, None
    _say("load: 50 streams, a quarter of the chunks")
    slow = await measure_load(50, PER_S / 4)
    return rows, split_cost(rows[list(streams).index(50)], slow)


def main() -> None:
    """Read the arguments, measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; the first three without any")
    parser.add_argument("--publish", action="store_true", help="copy the picture to .github/images")
    parser.add_argument("--ours", action="store_true", help="delays without the plain bots")
    parser.add_argument("--streams", type=int, nargs="+", default=list(STREAMS), help="for load")
    for hidden in ("--batch", "--bot", "--target"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.batch:
        run_batch(given.batch, given.bot, Path(given.target))
        return
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"unknown part: {', '.join(sorted(unknown))}")
    measure(given.parts or USUAL_PARTS, given.streams, ours=given.ours, publish=given.publish)


def measure(parts: Sequence[str], streams: Sequence[int], *, ours: bool, publish: bool) -> None:
    """Run parts; print, and keep what was found."""
    began = time.monotonic()
    kept = RESULTS / "bench.json"
    found: Row = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    found["machine"] = f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} CPUs"
    before = copy.deepcopy(found)
    sections: list[list[str]] = []
    if "policy" in parts:
        from tests.bench.policy import sessions, table

        _say("policy: simulating")
        found["policy"], found["sessions"] = table(), sessions()
        sections += [report.policy(found["policy"]), report.sessions(found["sessions"])]
    if "delays" in parts:
        found["delays"] = asyncio.run(run_delays(found.get("delays", []), ours=ours))
        sections.append(report.delays(found["delays"]))
    if "load" in parts:
        found["load"], found["load_split"] = asyncio.run(run_load(streams))
        sections.append(report.load(found["load"], found["load_split"]))
    if "growth" in parts:
        import structlog

        from tests.bench.growth import growth

        _say("growth: streams, conversations, passages")
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
        found["growth"] = asyncio.run(growth())
        sections.append(report.growth(found["growth"]))
    if "soak" in parts:
        from tests.bench.soak import soak

        _say("soak: 20,000 turns")
        found["soak"] = asyncio.run(soak())
        sections.append(_plain("soak", found["soak"]))
    if "scaleout" in parts:
        from tests.bench import scaleout

        _say(f"scaleout: {', '.join(scaleout.PARTS)}")
        found["scaleout"] = asyncio.run(_all_of(scaleout.PARTS))
        for name, row in found["scaleout"].items():
            sections.append(_plain(name, row))
    if "startup" in parts:
        from tests.bench.startup import startup

        _say("startup: 2,000 conversations, 100,000 messages")
        found["startup"] = asyncio.run(startup())
        sections.append(_plain("startup", found["startup"]))
    sections += _single_parts(parts, found)
    sections.append(report.compared({part: found[part] for part in parts if part in found}, before))
    sections.append(report.verdicts(found.get("delays", []), found.get("load", [])))
    _say("\n\n".join("\n".join(lines) for lines in sections))
    _write(found, publish=publish)
    took_s = time.monotonic() - began
    _say(f"\n{found['machine']}; {took_s:.0f} s; results in {RESULTS.relative_to(HERE.parents[1])}")


def _single_parts(parts: Sequence[str], found: Row) -> list[list[str]]:
    sections: list[list[str]] = []
    if "requests" in parts:
        from tests.bench.first_request import measure_requests

        _say("requests: 100 questions in each of three places")
        found["requests"] = asyncio.run(measure_requests())
        sections.append(_plain("requests", found["requests"]))
    if "retrieval" in parts:
        from tests.bench.retrieval import retrieval

        _say("retrieval: 5,000 passages")
        found["retrieval"] = asyncio.run(retrieval())
        for name, row in found["retrieval"].items():
            sections.append(_plain(f"retrieval, {name}", row))
    return sections


async def _all_of(parts: Mapping[str, Callable[[], Awaitable[Row]]]) -> Row:
    return {name: await measured() for name, measured in parts.items()}


def _plain(name: str, row: Row) -> list[str]:
    return [name, *(f"  {key}: {json.dumps(value)}" for key, value in row.items())]


def _write(found: Row, *, publish: bool) -> None:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "bench.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    if "growth" in found:
        (RESULTS / "growth.svg").write_text(plot.growth_svg(found["growth"]), "utf-8")
    if "delays" not in found:
        return
    picture = plot.svg(found["delays"])
    (RESULTS / "bench.svg").write_text(picture, "utf-8")
    if publish:
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        PICTURE.write_text(picture, "utf-8")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
