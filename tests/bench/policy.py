"""The pace for every length of an answer, against the optimum, on simulated time."""

import statistics
from collections.abc import Sequence
from typing import Any

from bots.slack.limits import SlackLimits
from bots.telegram.limits import TelegramLimits
from core.delivery.pacing import PacingPolicy
from core.domain.bot_messages import DeliveryModeName
from core.ports.platform import DeliveryMode
from tests.bench.optimum import Paid, best_mean_s
from tests.bench.simulation import Run, Simulation, steady

LENGTHS_S = (2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 60, 120)
LATENCY_S = 0.02
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
        own = rungs[0].update_cost[0]
        paid = Paid(
            per_s=own.per_s,
            burst=own.burst,
            first_free=rungs[0].create_cost != rungs[0].update_cost,
            last_free=rungs[0].finalize_cost != rungs[0].update_cost,
        )
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
