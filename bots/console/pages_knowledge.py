"""Pages about knowledge: sets and files, the passages of a file, a question that is tried, gaps."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.responses import Response

from bots.console.site import Visit
from core.knowledge.finder import FoundPassage
from core.knowledge.gaps import load_proposals
from core.knowledge.lexical_query import parse_lexical_query
from core.knowledge.tokenizer import tokenize
from core.store import knowledge, knowledge_evaluations, passages, turn_reports
from core.store.clock import utc_now
from core.store.turn_reports import TurnFilter

PERIOD: Final = timedelta(days=30)
MAX_GAPS: Final = 50
MAX_RUNS: Final = 30  #: of evaluations
MAX_QUESTION_CHARS: Final = 1_000
MAX_TRIED: Final = 10  #: passages shown for a question, also those below the floor


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedPassage:
    """A passage for a question that is tried, with the reasons of its rank."""

    found: FoundPassage
    is_used: bool  #: its relevance reaches its set's floor
    matched: Sequence[str]  #: words of the question that it has, or a synonym of them
    missing: Sequence[str]


async def knowledge_sets(visit: Visit) -> Response:
    """Return sets, their files, gaps, and the ranking for a question that is tried."""
    question = visit.argument("q")[:MAX_QUESTION_CHARS]
    wanted = TurnFilter(unknown=True, since=utc_now() - PERIOD)
    async with visit.site.database.read() as tx:
        sets = await knowledge.load_all_sets(tx)
        documents = {one.id: await knowledge.load_documents(tx, one.id) for one in sets}
        gaps = await turn_reports.list_turns(tx, wanted, scope=visit.rights.readable, limit=MAX_GAPS)
        runs = await knowledge_evaluations.load_latest(tx, limit=MAX_RUNS)
    proposals = await load_proposals(visit.site.database, gaps)
    tried: Sequence[TriedPassage] = ()
    if question:
        found = await visit.site.finder.find([one.id for one in sets], question, limit=MAX_TRIED, floor=0.0)
        tried = await asyncio.to_thread(_explain, question, found)
    if gaps:
        await visit.audit("gaps.read", str(len(gaps)))
    return visit.render(
        "knowledge.html",
        sets=sets,
        documents=documents,
        runs=runs,
        gaps=gaps,
        proposals={one.turn.id: one for one in proposals},
        question=question,
        gap=visit.number("gap"),
        tried=tried,
        can_change=visit.is_admin,
    )


async def document(visit: Visit) -> Response:
    """Return the passages of one file."""
    async with visit.site.database.read() as tx:
        found = await knowledge.get_document(tx, visit.path_number)
        if found is None:
            raise HTTPException(404)
        entries = await passages.load_document_passages(tx, visit.path_number)
    return visit.render("document.html", document=found, passages=entries)


def _explain(question: str, found: Sequence[FoundPassage]) -> Sequence[TriedPassage]:
    """Return passages with the words of the question that each has and lacks."""
    words = [word for word in parse_lexical_query(question).words if not word.is_stopword]
    explained = []
    for one in found:
        terms = set(tokenize(f"{one.entry.label}\n{one.entry.text}"))
        matched = [word.term for word in words if terms & {word.term, *word.synonyms}]
        explained.append(
            TriedPassage(
                found=one,
                is_used=one.relevance >= one.floor,
                matched=matched,
                missing=[word.term for word in words if word.term not in matched],
            )
        )
    return explained
