"""Word delays: the whole service, or a plain bot, between a strict Kimi and a strict platform."""

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bots.composition.platform_wiring import build_platforms
from bots.composition.service import Service, running_service
from bots.slack.limits import WINDOW_S, SlackLimits
from bots.telegram.limits import TelegramLimits
from core.domain.clock import SystemClock
from core.ports.platform import Budget
from core.settings import Settings
from core.store import migrate
from tests.bench.baselines import BOTS, answer_all
from tests.bench.optimum import Paid, best_mean_s, closed_form_s, shared_bound_s
from tests.bench.stage import Place, Room, Stage, delays_s
from tests.bench.words import Chinese, English, Language

OURS = "moonthread"
PER_S = 40.0  #: chunks a second
MIGRATING = asyncio.Lock()
LATE_S = 200.0  #: how long after Kimi's last word an answer may still become whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Who asks what at once, and who answers."""

    name: str
    place: Place
    rooms: int
    seconds: float
    bot: str = OURS
    language: Language = field(default_factory=Chinese)


SINGLES = tuple(
    Scenario(name=f"{label}, {seconds} s", place=place, rooms=1, seconds=float(seconds))
    for place, label in (
        ("dm", "Telegram DM"),
        ("group", "Telegram group"),
        ("stream", "Slack stream"),
        ("edit", "Slack chat.update"),
    )
    for seconds in (5, 60)
)
LONG = (Scenario(name="Telegram DM, 60 s, English", place="dm", rooms=1, seconds=60.0, language=English()),)
WORKSPACES = tuple(
    Scenario(name=f"{label}, {rooms} at once, 60 s", place=place, rooms=rooms, seconds=60.0)
    for place, label in (("stream", "Slack stream"), ("edit", "Slack chat.update"))
    for rooms in (4, 16)
)
CHATS = (Scenario(name="Telegram, 60 DMs at once, 30 s", place="dm", rooms=60, seconds=30.0),)


async def measure(scenario: Scenario, ready: asyncio.Barrier) -> dict[str, Any]:
    """Run one scenario in real time and return its row; all that share ``ready`` begin together."""
    stage = Stage(
        scenario.place,
        rooms=scenario.rooms,
        seconds=scenario.seconds,
        per_s=PER_S,
        language=scenario.language,
    )
    async with stage:
        if scenario.bot == OURS:
            complete = await _serve(stage, scenario, ready)
        else:
            await ready.wait()
            await stage.ask()
            await answer_all(stage, BOTS[scenario.bot])
            complete = await stage.shown(1.0)
        return _row(scenario, stage, complete=complete)


async def _serve(stage: Stage, scenario: Scenario, ready: asyncio.Barrier) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'bench.db'}"
        async with MIGRATING:  # Alembic keeps its state in the module: one at a time
            await migrate.upgrade(url)
        settings = Settings(
            **stage.settings(), database_url=url, migrate="never", http_port=0, shutdown_grace_s=5.0
        )
        platforms = build_platforms(settings, frozenset({stage.platform}), SystemClock())
        async with running_service(Service(settings, platforms, web=False)):
            await stage.connected()
            await ready.wait()  # a service that starts holds up the loop for those that run
            await stage.ask()
            return await stage.shown(scenario.seconds + LATE_S)


def _row(scenario: Scenario, stage: Stage, *, complete: bool) -> dict[str, Any]:
    delays = sorted(delays_s(stage.rooms))
    waits = [_waits(room) for room in stage.rooms if room.frames and room.words]
    return {
        "scenario": scenario.name,
        "bot": scenario.bot,
        "place": scenario.place,
        "answers": scenario.rooms,
        "seconds": scenario.seconds,
        "words": len(delays),
        "complete": complete,
        "mean_s": statistics.fmean(delays),
        "p50_s": delays[len(delays) // 2],
        "p95_s": delays[int(len(delays) * 0.95)],
        "first_word_s": statistics.fmean(first for first, _ in waits),
        "last_word_s": statistics.fmean(last for _, last in waits),
        "last_word_worst_s": max(last for _, last in waits),
        "calls": stage.calls,
        "refused": stage.refused,
        "identical": sum(room.identical for room in stage.rooms),
        "word_times": [room.words for room in stage.rooms],
    }


def _waits(room: Room) -> tuple[float, float]:
    first = next((at for at, shown in room.frames if shown), room.frames[-1][0])
    last = next((at for at, shown in room.frames if shown >= len(room.words)), room.frames[-1][0])
    return first - room.words[0], last - room.words[-1]


def optimum_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the optimum for a row's word times; takes up to a minute of computing."""
    words: list[list[float]] = row["word_times"]
    place: Place = row["place"]
    budgets, free = _budgets(place)
    paid = [Paid(per_s=one.per_s, burst=one.burst, first_free=free[0], last_free=free[1]) for one in budgets]
    own, shared = paid[0], paid[-1]
    if row["answers"] == 1:
        found = {
            "optimum_s": best_mean_s(words[0], own),
            "optimum_is": "exact",
            "closed_form_s": closed_form_s(row["seconds"], per_s=own.per_s, burst=own.burst),
        }
        if place in ("stream", "edit"):  # an answer of a minute at most: all calls of one window
            window = replace(own, per_s=0.0, burst=own.burst + WINDOW_S * own.per_s)
            found["window_optimum_s"] = best_mean_s(words[0], window)
        return found
    bound = shared_bound_s(words, shared)
    if own is not shared:
        bound = max(bound, best_mean_s(words[0], own))
    return {
        "optimum_s": bound,
        "optimum_is": "bound from below",
        "optimum_early_first_s": _early_first(words, shared),
    }


def finished(row: dict[str, Any], optimum: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the optimum of its scenario in place of all word times."""
    rest = {name: value for name, value in row.items() if name != "word_times"}
    return {**rest, **optimum, "ratio": row["mean_s"] / optimum["optimum_s"]}


def _early_first(words: Sequence[Sequence[float]], shared: Paid) -> float:
    """The same bound where, as is asked for, the first frame goes out with the first four words."""
    paid = Paid(
        per_s=shared.per_s,
        burst=shared.burst - (0 if shared.first_free else len(words)),
        last_free=shared.last_free,
    )
    rest = [lane[4:] for lane in words]
    share = sum(len(lane) for lane in rest) / sum(len(lane) for lane in words)
    return shared_bound_s(rest, paid) * share if paid.burst > 0 else 0.0


def _budgets(place: Place) -> tuple[list[Budget], tuple[bool, bool]]:
    """Return the buckets that frames are paid from (own first, shared last), and which frames are not."""
    telegram, slack = TelegramLimits(), SlackLimits()
    match place:
        case "dm":
            return [telegram.chat_budget("", "", private=True), telegram.overall_budget("")], (False, False)
        case "group":
            return [telegram.chat_budget("", "", private=False)], (False, False)
        case "stream":
            return [slack.method_budget("", "chat.appendStream")], (True, True)
        case _:
            return [slack.method_budget("", "chat.update")], (True, False)


async def measure_all(scenarios: Sequence[Scenario]) -> list[dict[str, Any]]:
    """Run scenarios side by side, each on stand-ins of its own."""
    ready = asyncio.Barrier(len(scenarios))
    return list(await asyncio.gather(*(measure(one, ready) for one in scenarios)))
