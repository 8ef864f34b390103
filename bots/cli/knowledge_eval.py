"""Evaluates retrieval and answers for ``moonthread knowledge eval``, and prints the report."""

import asyncio
import contextlib
from collections.abc import Sequence

from bots.cli.question import build_request, open_kimi
from bots.cli.terminal import print_error
from bots.composition.settings_mapping import build_masker
from core.kimi import AsyncKimi, KimiError, Message
from core.knowledge.evaluation import (
    EvaluationCase,
    EvaluationReport,
    EvaluationResult,
    cites_expected_source,
)
from core.knowledge.finder import FoundPassage, find_passages
from core.knowledge.prompt_passages import MAX_TOKENS, build_passages_message
from core.llm.masking_model import mask_request
from core.settings import Settings
from core.store import Database

MAX_CONCURRENT = 4  #: cases evaluated at the same time


async def evaluate(
    settings: Settings,
    database: Database,
    set_ids: Sequence[int],
    cases: Sequence[EvaluationCase],
    *,
    ask: bool,
    misses: bool,
) -> None:
    """Evaluate every case and print the report.

    Args:
        settings: the deployment's settings.
        database: the open store.
        set_ids: the knowledge sets to search.
        cases: the questions with what is expected.
        ask: let Kimi answer too, strictly from the passages found.
        misses: print the cases that failed.
    """
    places = asyncio.Semaphore(MAX_CONCURRENT)
    async with contextlib.AsyncExitStack() as closing:
        kimi = await closing.enter_async_context(open_kimi(settings)) if ask else None

        async def one(case: EvaluationCase) -> EvaluationResult:
            async with places:
                found = await find_passages(database, set_ids, case.question)
                answer = await _ask_kimi(settings, kimi, case, found) if kimi is not None and found else None
                return EvaluationResult(case=case, passages=found, answer=answer)

        outcomes = await asyncio.gather(*(one(case) for case in cases))
    report = EvaluationReport(results=outcomes)
    if misses:
        _print_misses(report)
    _print_report(report)


async def _ask_kimi(
    settings: Settings, kimi: AsyncKimi, case: EvaluationCase, passages: Sequence[FoundPassage]
) -> str | None:
    shown = build_passages_message(passages, strict=True, budget_tokens=MAX_TOKENS)
    messages = [*([shown] if shown else []), Message(role="user", content=case.question)]
    mask = build_masker(settings).for_request()
    try:
        reply = await kimi.complete(await mask_request(build_request(settings, *messages), mask))
        return mask.unmask(reply.text)
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
    about, beside = len(report.answerable), len(report.unanswerable)
    print(f"{about + beside} questions")
    if about:
        print(f"  expected passage first:           {_ratio_text(report.hits_at(1), about)}")
        print(f"  expected passage in first three:  {_ratio_text(report.hits_at(3), about)}")
    if beside:
        print(f"  about something else and refused: {_ratio_text(report.correct_refusals, beside)}")
    if answered := [one for one in report.answerable if one.answer is not None]:
        print(
            "  answers that cite the passage:    "
            + _ratio_text(sum(map(cites_expected_source, answered)), len(answered))
        )
    if asked := report.gradable:
        print(
            "  answers with the expected words:  "
            + _ratio_text(sum(one.has_expected_words for one in asked), len(asked))
        )


def _ratio_text(count: int, total: int) -> str:
    return f"{count}/{total} ({count / total:.1%})"
