"""What one frame of a growing answer costs: cutting, settling and rendering, in microseconds.

Run it with ``python tests/bench/render.py``; ``--json`` prints one JSON object instead of a table.
The answers are made of the corpus's samples; every pager sees 30 growing lengths of each.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bots.slack.render import SlackRenderer
from bots.telegram.render import TelegramRenderer
from core.ports.platform import Renderer

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
FRAMES = 30
ROUNDS = 3
PAGERS: dict[str, Callable[[], Renderer]] = {
    "telegram": TelegramRenderer,
    "slack stream": lambda: SlackRenderer(streaming=True),
    "slack edit": lambda: SlackRenderer(streaming=False),
}


def answer(size: int) -> str:
    """Return an answer of ``size`` characters with some of everything."""
    sample = (CORPUS / "mixed_answer.md").read_text("utf-8") + (CORPUS / "cjk_long.md").read_text("utf-8")
    return (sample * (size // len(sample) + 1))[:size]


def us_per_frame(make: Callable[[], Renderer], text: str) -> tuple[float, float]:
    """Return the mean and the dearest frame, each the best of ``ROUNDS``."""
    means, worst = [], []
    for _ in range(ROUNDS):
        pager = make()
        costs = []
        for frame in range(1, FRAMES + 1):
            began = time.perf_counter()
            pager.render(text[: len(text) * frame // FRAMES], complete=frame == FRAMES)
            costs.append(time.perf_counter() - began)
        means.append(sum(costs) / len(costs))
        worst.append(max(costs))
    return min(means) * 1e6, min(worst) * 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    rows = []
    for size in (1_000, 3_000, 30_000):
        text = answer(size)
        for name, make in PAGERS.items():
            mean, worst = us_per_frame(make, text)
            rows.append({"pager": name, "characters": size, "mean_us": round(mean), "worst_us": round(worst)})
    if as_json:
        lines = [json.dumps({"bench": "render", "unit": "us_per_frame", "rows": rows})]
    else:
        lines = [f"{'pager':>14} {'characters':>11} {'mean':>8} {'worst':>8}   (µs per frame)"]
        lines += [
            f"{row['pager']:>14} {row['characters']:>11} {row['mean_us']:>8} {row['worst_us']:>8}"
            for row in rows
        ]
    sys.stdout.write("\n".join([*lines, ""]))


if __name__ == "__main__":
    main()
