"""The report of ``moonthread knowledge eval``."""

import asyncio
import contextlib
from collections.abc import Sequence

from bots.cli.question import open_kimi, request
from bots.cli.terminal import complain
from bots.composition.settings_mapping import masker_of
from core.kimi import AsyncKimi, KimiError, Message
from core.knowledge.evaluation import Case, Outcome, Report, cited_right
from core.knowledge.finder import Found, find
from core.knowledge.showing import MOST_TOKENS, passages_message
from core.llm.masking_model import hidden
from core.settings import Settings
from core.store import Database

AT_ONCE = 4  #: questions that Kimi is asked at the same time


async def evaluate(
    settings: Settings,
    database: Database,
    set_ids: Sequence[int],
    cases: Sequence[Case],
    *,
    ask: bool,
    misses: bool,
) -> None:
    """Ask every case and print the report; with ``ask`` Kimi answers too, strictly from what was found."""
    places = asyncio.Semaphore(AT_ONCE)
    async with contextlib.AsyncExitStack() as closing:
        kimi = await closing.enter_async_context(open_kimi(settings)) if ask else None

        async def one(case: Case) -> Outcome:
            async with places:
                async with database.read() as tx:
                    found = await find(tx, set_ids, case.question)
                answer = await _answer(settings, kimi, case, found) if kimi is not None and found else None
                return Outcome(case=case, found=found, answer=answer)

        outcomes = await asyncio.gather(*(one(case) for case in cases))
    report = Report(outcomes=outcomes)
    if misses:
        _tell_misses(report)
    _tell(report)


async def _answer(settings: Settings, kimi: AsyncKimi, case: Case, found: Sequence[Found]) -> str | None:
    shown = passages_message(found, strict=True, room_tokens=MOST_TOKENS)
    messages = [*([shown] if shown else []), Message(role="user", content=case.question)]
    mask = masker_of(settings).begin()
    try:
        reply = await kimi.complete(await hidden(request(settings, *messages), mask))
        return mask.show(reply.text)
    except KimiError as exc:
        complain(f"{case.question}: {exc}")
        return None


def _tell_misses(report: Report) -> None:
    for one in report.outcomes:
        best = ", ".join(found.entry.heading or found.entry.label for found in one.found[:3]) or "nothing"
        if one.case.sources and not 0 < one.place <= 3:
            print(f"not found: {one.case.question}\n  expected {' or '.join(one.case.sources)}; found {best}")
        elif not one.case.sources and not one.refused:
            print(f"not refused: {one.case.question}\n  found {best}")
        if one in report.asked and not one.answered:
            print(f"not in the answer: {one.case.question}\n  expected {', '.join(one.case.words)}")


def _tell(report: Report) -> None:
    about, beside = len(report.about), len(report.beside)
    print(f"{about + beside} questions")
    if about:
        print(f"  expected passage first:           {_share(report.hits(1), about)}")
        print(f"  expected passage in first three:  {_share(report.hits(3), about)}")
    if beside:
        print(f"  about something else and refused: {_share(report.refusals, beside)}")
    if answered := [one for one in report.about if one.answer is not None]:
        print(f"  answers that cite the passage:    {_share(sum(map(cited_right, answered)), len(answered))}")
    if asked := report.asked:
        print(f"  answers with the expected words:  {_share(sum(one.answered for one in asked), len(asked))}")


def _share(count: int, of: int) -> str:
    return f"{count}/{of} ({count / of:.1%})"
