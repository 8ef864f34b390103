"""The pace for each length of an answer, and for several in a row, against the optimum; on simulated time."""

import statistics
from collections.abc import Sequence
from typing import Any

from bots.slack.limits import SlackLimits
from bots.telegram.limits import TelegramLimits
from core.delivery.pacing import PacingPolicy
from core.domain.bot_messages import DeliveryModeName
from core.ports.platform import DeliveryMode
from tests.bench.optimum import Paid, best_mean_s, best_session_mean_s
from tests.bench.simulation import Run, Simulation, steady

LENGTHS_S = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120)
LATENCY_S = 0.02
SESSION_WORDS = (150, 40, 250)  #: of the answers in a row
SESSION_WORDS_PER_S = 30.0
FIRST_WORD_S = 0.8  #: from a question to the first word of its answer
PAUSE_S = 0.4  #: from an answer's last word to the next question
HABITS_S = (2, 5, 10, 15)  #: lengths of answers that are all alike
HABIT_PAUSE_S = 40.0
WORDS_PER_S = 20.0  #: half of the real runs': the optimum of two minutes is long to compute


def places() -> dict[str, Sequence[DeliveryMode]]:
    """Return how answers grow in each place."""
    telegram, slack = TelegramLimits(), SlackLimits()

    def chat(*, private: bool) -> list[DeliveryMode]:
        cost = (telegram.chat_budget("", "", private=private), telegram.overall_budget(""))
        return [
            DeliveryMode(name=DeliveryModeName.EDIT, create_cost=cost, update_cost=cost, finalize_cost=cost)
        ]

    return {
        "Telegram DM": chat(private=True),
        "Telegram group": chat(private=False),
        "Slack stream": [slack.stream_mode(""), slack.edit_mode("", "")],
        "Slack chat.update": [slack.edit_mode("", "")],
    }


def table(pace: PacingPolicy | None = None) -> list[dict[str, Any]]:
    """Return for each place and length the mean delay, the optimum and their ratio."""
    rows = []
    for place, rungs in places().items():
        paid = _paid(rungs)
        for seconds in LENGTHS_S:
            run = Run(steady(seconds, per_s=WORDS_PER_S), rungs)
            Simulation([run], pace=pace, latency_s=LATENCY_S).play()
            mean_s = statistics.fmean(run.delays_s)
            optimum_s = best_mean_s(run.words, paid)
            rows.append(
                {
                    "place": place,
                    "seconds": seconds,
                    "mean_s": mean_s,
                    "optimum_s": optimum_s,
                    "ratio": mean_s / optimum_s,
                    "frames": len(run.frames),
                }
            )
    return rows


def session(counts: Sequence[int], *, pause_s: float, modes: Sequence[DeliveryMode]) -> list[Run]:
    """Return answers of so many words in one chat, each asked for when the one before is whole."""
    runs, asked_at = list[Run](), 0.0
    for count in counts:
        begin = asked_at + FIRST_WORD_S
        words = [begin + index / SESSION_WORDS_PER_S for index in range(count)]
        runs.append(Run(words, modes, asked_at=asked_at))
        asked_at = words[-1] + pause_s
    return runs


def sessions(pace: PacingPolicy | None = None) -> list[dict[str, Any]]:
    """Return several answers in a row, in quick succession and of one length each, against the optimum."""
    modes = places()["Telegram DM"]
    runs = session(SESSION_WORDS, pause_s=PAUSE_S, modes=modes)
    means = _play(runs, pace)
    mean_s = statistics.fmean(delay for run in runs for delay in run.delays_s)
    optimum_s = best_session_mean_s([run.words for run in runs], _paid(modes))
    name = f"Telegram DM: {', '.join(map(str, SESSION_WORDS))} words in a row"
    rows = [{"answers": name, "means_s": means, "ratios": [mean_s / optimum_s]}]
    for place, modes in places().items():
        for seconds in HABITS_S:
            count = round(seconds * SESSION_WORDS_PER_S)
            runs = session([count] * 3, pause_s=HABIT_PAUSE_S, modes=modes)
            means = _play(runs, pace)
            optimum_s = best_mean_s(runs[0].words, _paid(modes))
            name = f"{place}: three of {seconds} s, {HABIT_PAUSE_S:.0f} s apart"
            rows.append({"answers": name, "means_s": means, "ratios": [one / optimum_s for one in means]})
    return rows


def _play(runs: Sequence[Run], pace: PacingPolicy | None) -> list[float]:
    """Run answers; return the mean delay of each."""
    Simulation(runs, pace=pace, latency_s=LATENCY_S).play()
    return [statistics.fmean(run.delays_s) for run in runs]


def _paid(modes: Sequence[DeliveryMode]) -> Paid:
    """Return the bucket of the first mode's updates."""
    own = modes[0].update_cost[0]
    return Paid(
        per_s=own.per_s,
        burst=own.burst,
        first_free=modes[0].create_cost != modes[0].update_cost,
        last_free=modes[0].finalize_cost != modes[0].update_cost,
    )
