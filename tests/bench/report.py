"""The figures as text."""

from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]

SINGLE_TARGET = 1.2
SESSION_TARGET = 1.18
MANY_TARGET = 1.25
COMPLETE_TARGET_S = 0.3
EXPONENT_NOISE = 0.1
MOVED = 0.05
_NAMING = ("scenario", "bot", "place", "seconds", "answers", "streams")
LOAD_P95_TARGET = 1.2


def delays(rows: Sequence[Row]) -> list[str]:
    """Return the table of word delays."""
    head = (
        f"{'answers':<34}{'bot':<20}{'mean':>7}{'p50':>7}{'p95':>8}{'optimum':>9}{'ratio':>7}{'first':>7}{'last':>7}"
        f"{'worst':>7}{'calls':>7}{'429':>5}{'same':>5}  whole"
    )
    lines = [
        "Word delay, seconds from Kimi's write to a screen; the clock is real",
        "",
        head,
        "-" * len(head),
    ]
    lines += [_delay(row) for row in rows]
    lines += [
        "",
        "optimum: least mean delay that the same buckets allow to someone who knows all word times; exact",
        "for one answer, for many at once a bound from below. first: first word after Kimi's first; last:",
        "whole answer after Kimi's last; worst: the slowest of many. same: frames equal to the one before.",
        "On Slack the buckets are our choice (bots/slack/limits.py): optimum and ratio hold for them only;",
        "a bot that spends a minute's window in seconds can be below. The bare window's is told too.",
        "T/2(b+rT) forgets that a full bucket does not refill, and Slack's frames that other budgets pay.",
    ]
    for row in rows:
        if row["bot"] == "moonthread" and row.get("optimum_early_first_s"):
            told = f"{row['mean_s'] / row['optimum_early_first_s']:.2f} x the bound"
            lines.append(f"  {row['scenario']}: {told} where every first frame goes out at once")
        if row["bot"] == "moonthread" and "closed_form_s" in row:
            ratio = row["mean_s"] / row["closed_form_s"]
            lines.append(f"  {row['scenario']}: {ratio:.2f} x T/2(b+rT)")
        if row["bot"] == "moonthread" and "window_optimum_s" in row:
            ratio = row["mean_s"] / row["window_optimum_s"]
            lines.append(f"  {row['scenario']}: {ratio:.2f} x the optimum on Slack's bare window of a minute")
    return lines


def load(rows: Sequence[Row], split: Row | None) -> list[str]:
    """Return the table of what streams cost."""
    head = (
        f"{'streams':>8}{'chunks/s':>10}{'frames/s':>10}{'CPU':>7}{'us/chunk all in':>17}"
        f"{'KiB/stream':>12}{'mean':>7}{'p50':>7}{'p95':>8}{'lasted':>8}{'429':>5}{'  stand-ins CPU'}"
    )
    lines = [
        "Load: one service process, stand-ins in another; answers of 20 s in DMs",
        "",
        head,
        "-" * len(head),
    ]
    lines += [_load(row) for row in rows]
    if rows:
        lines += ["", f"resident memory of the idle service: {rows[0]['rss_idle_mib']:.0f} MiB"]
    if split is not None:
        lines.append(
            f"apart, by a run with a quarter of the chunks: {split['cpu_us_per_chunk']:.0f} us a chunk, "
            f"{split['cpu_us_per_frame']:.0f} us a frame (history and checkpoints in it)"
        )
    return lines


def _delay(row: Row) -> str:
    last = (
        f"{row['last_word_s']:>7.2f}{row['last_word_worst_s']:>7.2f}" if row["complete"] else "  never  never"
    )
    return (
        f"{row['scenario']:<34}{row['bot']:<20}{row['mean_s']:>7.3f}{row['p50_s']:>7.3f}"
        f"{row['p95_s']:>8.3f}{row['optimum_s']:>9.3f}{row['ratio']:>7.2f}{row['first_word_s']:>7.2f}"
        f"{last}{row['calls']:>7}{row['refused']:>5}"
        f"{row['identical']:>5}  {'yes' if row['complete'] else 'NO'}"
    )


def _load(row: Row) -> str:
    return (
        f"{row['streams']:>8}{row['chunks_per_s']:>10.0f}{row['frames_per_s']:>10.0f}"
        f"{row['cpu_share']:>7.0%}{row['cpu_us_per_chunk_all_in']:>17.0f}{row['rss_kib_per_stream']:>12.0f}"
        f"{row['mean_s']:>7.2f}{row['p50_s']:>7.2f}{row['p95_s']:>8.2f}{row['stream_lasted_s']:>8.1f}"
        f"{row['refused']:>5}{row['stand_ins_cpu_share']:>15.0%}"
    )


def policy(rows: Sequence[Row]) -> list[str]:
    """Return the table of ratios for every length."""
    lengths = list(dict.fromkeys(row["seconds"] for row in rows))
    places = list(dict.fromkeys(row["place"] for row in rows))
    lines = ["Policy: mean word delay / optimum by the length of one answer, on simulated time", ""]
    lines.append(f"{'seconds':<20}" + "".join(f"{seconds:>7}" for seconds in lengths))
    for place in places:
        found = {row["seconds"]: row for row in rows if row["place"] == place}
        lines.append(f"{place:<20}" + "".join(f"{found[seconds]['ratio']:>7.2f}" for seconds in lengths))
        lines.append(
            f"{'  mean, s':<20}" + "".join(f"{found[seconds]['mean_s']:>7.2f}" for seconds in lengths)
        )
    return lines


def sessions(rows: Sequence[Row]) -> list[str]:
    """Return the table of several answers in one chat."""
    head = f"{'answers':<52}{'mean of each, s':>24}{'ratio to the optimum':>26}"
    lines = ["Answers in a row, simulated time", "", head, "-" * len(head)]
    for row in rows:
        means, ratios = (" ".join(f"{one:.2f}" for one in row[name]) for name in ("means_s", "ratios"))
        lines.append(f"{row['answers']:<52}{means:>24}{ratios:>26}")
    ratio = rows[0]["ratios"][0]
    lines.append(_verdict(f"in a row: ratio <= {SESSION_TARGET}", ratio <= SESSION_TARGET, f"{ratio:.2f}"))
    return lines


def growth(curves: Row) -> list[str]:
    """Return the points of each curve, with its exponent."""
    lines = ["Cost against work; an exponent of 1 is linear", ""]
    for name, curve in curves.items():
        lines.append(f"{name}: {curve['cost']} by {curve['size']}")
        lines.append("  " + "   ".join(f"{size:,}: {cost:.3g}" for size, cost in curve["points"]))
        linear = curve["exponent"] <= 1 + EXPONENT_NOISE
        lines.append(_verdict(f"{name}: not more than linear", linear, f"exponent {curve['exponent']:.2f}"))
    return lines


def compared(now: Row, before: Row) -> list[str]:
    """Return the figures that moved by more than a twentieth since the last run, as ratios."""
    earlier = dict(_figures(before))
    moved = [
        f"  {name}: {value:.4g}, {value / earlier[name]:.2f} x"
        for name, value in _figures(now)
        if earlier.get(name) and abs(value / earlier[name] - 1) > MOVED
    ]
    return ["Moved since the last run", "", *moved] if moved else []


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield each number with its way to it; a row of a list goes by its names instead of its place."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _figures(one, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            row = one if isinstance(one, dict) else {}
            label = " ".join(str(row[key]) for key in _NAMING if key in row)
            yield from _figures(one, f"{name}[{label or index}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield name, float(value)


def verdicts(rows: Sequence[Row], loads: Sequence[Row]) -> list[str]:
    """Return each target with what was reached."""
    ours = [row for row in rows if row["bot"] == "moonthread"]
    lines = []
    for row in ours:
        target = SINGLE_TARGET if row["answers"] == 1 else MANY_TARGET
        lines.append(
            _verdict(f"{row['scenario']}: ratio <= {target}", row["ratio"] <= target, f"{row['ratio']:.2f}")
        )
    for row in ours:
        if row["answers"] == 1:
            name = f"{row['scenario']}: whole <= {COMPLETE_TARGET_S} s after Kimi's last word"
            lines.append(
                _verdict(name, row["last_word_s"] <= COMPLETE_TARGET_S, f"{row['last_word_s']:.2f} s")
            )
    if ours:
        refused, same = sum(row["refused"] for row in ours), sum(row["identical"] for row in ours)
        lines.append(_verdict("no 429", refused == 0, str(refused)))
        lines.append(_verdict("no identical frame", same == 0, str(same)))
    by_count = {row["streams"]: row for row in loads}
    if {50, 200} <= set(by_count):
        some, many = by_count[50], by_count[200]
        # A saturated process reads late, and Kimi's stand-in has to wait for it: streams last longer.
        free = many["cpu_share"] < 0.9 and many["stream_lasted_s"] < 1.1 * some["stream_lasted_s"]
        figure = f"{many['cpu_share']:.0%} CPU, streams last {many['stream_lasted_s']:.0f} s"
        figure += f" instead of {some['stream_lasted_s']:.0f} s"
        lines.append(_verdict("200 streams: a core is not saturated", free, figure))
        growth = many["p95_s"] / some["p95_s"]
        name = f"200 streams: p95 <= {LOAD_P95_TARGET} x that of 50"
        lines.append(_verdict(name, growth <= LOAD_P95_TARGET, f"{growth:.2f}"))
    return ["Targets", "", *lines] if lines else []


def _verdict(target: str, reached: bool, figure: str) -> str:
    return f"  {'reached' if reached else 'MISSED ':<8} {target}: {figure}"
