"""Evaluates retrieval and answers for ``moonthread knowledge eval``, and prints the report."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from bots.cli.knowledge_vectors import open_vector_search
from bots.cli.question import build_request, open_kimi
from bots.cli.terminal import print_error
from bots.composition.settings_mapping import build_masker
from core.kimi import AsyncKimi, KimiError, Message
from core.knowledge.evaluation import (
    EvaluationCase,
    EvaluationReport,
    EvaluationResult,
    FloorFigures,
    cites_expected_source,
)
from core.knowledge.finder import FoundPassage, PassageFinder
from core.knowledge.prompt_passages import MAX_TOKENS, build_passages_message
from core.llm.masking_model import mask_request
from core.llm.reply_marker import MarkerFilter, ReplyMarker, new_code
from core.settings import Settings
from core.store import Database, knowledge, knowledge_evaluations
from core.store.clock import utc_now
from core.store.knowledge_evaluations import EvaluationRun

MAX_CONCURRENT = 4  #: cases evaluated at the same time
FLOORS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)  #: of the table
_BAR_CHARS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationOptions:
    """What an evaluation does beside searching."""

    ask: bool = False  #: let Kimi answer too, strictly from the passages found
    misses: bool = True  #: print the cases that failed
    keep_floor: bool = False  #: store the proposed floor with the sets
    as_json: bool = False  #: print JSON in place of the report


async def evaluate(
    settings: Settings,
    database: Database,
    set_ids: Sequence[int],
    cases: Sequence[EvaluationCase],
    options: EvaluationOptions,
) -> None:
    """Evaluate every case, store the figures and print the report.

    Args:
        settings: the deployment's settings.
        database: the open store.
        set_ids: the knowledge sets to search.
        cases: the questions with what is expected.
        options: what else to do.
    """
    places = asyncio.Semaphore(MAX_CONCURRENT)
    async with contextlib.AsyncExitStack() as closing:
        vectors = await closing.enter_async_context(open_vector_search(settings, database))
        finder = PassageFinder(database, vectors)
        kimi = await closing.enter_async_context(open_kimi(settings)) if options.ask else None

        async def one(case: EvaluationCase) -> EvaluationResult:
            async with places:
                found = await finder.find(set_ids, case.question, floor=0.0)
                shown = [passage for passage in found if passage.relevance >= passage.floor]
                answer = await _ask_kimi(settings, kimi, case, shown) if kimi is not None and shown else None
                return EvaluationResult(case=case, passages=found, answer=answer)

        results = await asyncio.gather(*(one(case) for case in cases))
    report = EvaluationReport(results=results)
    await _store(database, set_ids, report)
    if options.as_json:
        print(json.dumps(_as_json(report), ensure_ascii=False))
    else:
        if options.misses:
            _print_misses(report)
        _print_report(report)
    if options.keep_floor and report.answerable:
        async with database.begin() as tx:
            for set_id in set_ids:
                await knowledge.save_floor(tx, set_id, report.propose_floor(), model=report.model)


async def _store(database: Database, set_ids: Sequence[int], report: EvaluationReport) -> None:
    """Store the figures, which the console shows over time."""
    figures = report.at()
    async with database.begin() as tx:
        names = [one.name for one in await knowledge.load_all_sets(tx) if one.id in set(set_ids)]
        run = EvaluationRun(
            at=utc_now(),
            sets=", ".join(names),
            model=report.model,
            answerable=len(report.answerable),
            first=figures.first,
            in_three=figures.in_three,
            found_nothing=figures.found_nothing,
            unanswerable=len(report.unanswerable),
            refused=figures.refused,
        )
        await knowledge_evaluations.save(tx, run)


async def _ask_kimi(
    settings: Settings, kimi: AsyncKimi, case: EvaluationCase, passages: Sequence[FoundPassage]
) -> str | None:
    code = new_code()
    shown = build_passages_message(passages, strict=True, budget_tokens=MAX_TOKENS, marker_code=code)
    messages = [*([shown] if shown else []), Message(role="user", content=case.question)]
    mask = build_masker(settings).for_request()
    try:
        reply = await kimi.complete(await mask_request(build_request(settings, *messages), mask))
        marker = MarkerFilter(ReplyMarker.NO_ANSWER, code)
        text = marker.feed(reply.text) + marker.flush()
        return "" if marker.found else mask.unmask(text)
    except KimiError as exc:
        print_error(f"{case.question}: {exc}")
        return None


def _print_misses(report: EvaluationReport) -> None:
    for one in report.results:
        best = ", ".join(found.entry.heading or found.entry.label for found in one.passages[:3]) or "nothing"
        if one.case.expected_sources and not 0 < one.rank <= 3:
            print(
                f"not found: {one.case.question}\n"
                f"  expected {' or '.join(one.case.expected_sources)}; found {best}"
            )
        elif not one.case.expected_sources and not one.found_nothing:
            print(f"not refused: {one.case.question}\n  found {best}")
        if one in report.gradable and not one.has_expected_words:
            print(f"not in the answer: {one.case.question}\n  expected {', '.join(one.case.expected_words)}")


def _print_report(report: EvaluationReport) -> None:
    by = f" and the vectors of {report.model}" if report.model else ""
    print(f"{len(report.answerable) + len(report.unanswerable)} questions, compared by words{by}")
    _print_figures("without a floor", report, report.at(0.0))
    _print_figures("at the floor of the sets", report, report.at())
    if report.answerable:
        _print_floors(report)
        print(f"proposed floor: {report.propose_floor():.2f} (--keep stores it with the sets)")
    if answered := [one for one in report.answerable if one.answer is not None]:
        print(
            "  answers that cite the passage:    "
            + _ratio_text(sum(map(cites_expected_source, answered)), len(answered))
        )
    if asked := report.judged:
        print(
            "  about something else, refused by Kimi or before: "
            + _ratio_text(sum(one.answer == "" or one.found_nothing for one in asked), len(asked))
        )
        wrongly = [one for one in report.answerable if one.answer == ""]
        print("  answerable, refused by Kimi:      " + _ratio_text(len(wrongly), len(report.answerable)))
    if asked := report.gradable:
        print(
            "  answers with the expected words:  "
            + _ratio_text(sum(one.has_expected_words for one in asked), len(asked))
        )


def _print_figures(title: str, report: EvaluationReport, figures: FloorFigures) -> None:
    print(f"{title}:")
    if about := len(report.answerable):
        print(f"  expected passage first:           {_ratio_text(figures.first, about)}")
        print(f"  expected passage in first three:  {_ratio_text(figures.in_three, about)}")
        print(f"  answerable, nothing found:        {_ratio_text(figures.found_nothing, about)}")
    if beside := len(report.unanswerable):
        print(f"  about something else and refused: {_ratio_text(figures.refused, beside)}")


def _print_floors(report: EvaluationReport) -> None:
    """Print hits and refusals at rising floors, with bars."""
    print("floor  in first three              refused")
    for figures in map(report.at, FLOORS):
        hits = figures.in_three / len(report.answerable)
        refused = figures.refused / max(1, len(report.unanswerable))
        print(f"{figures.floor:5.2f}  {_bar(hits)} {hits:4.0%}  {_bar(refused)} {refused:4.0%}")


def _bar(share: float) -> str:
    full = round(share * _BAR_CHARS)
    return "█" * full + "·" * (_BAR_CHARS - full)


def _as_json(report: EvaluationReport) -> dict[str, object]:
    """Return the figures: counts of questions, without a floor, at the sets' and at rising floors."""
    return {
        "model": report.model,
        "answerable": len(report.answerable),
        "unanswerable": len(report.unanswerable),
        "without_floor": asdict(report.at(0.0)),
        "at_set_floor": asdict(report.at()),
        "proposed_floor": report.propose_floor(),
        "floors": [asdict(figures) for figures in map(report.at, FLOORS)],
    }


def _ratio_text(count: int, total: int) -> str:
    return f"{count}/{total} ({count / total:.1%})"
