"""What answers rest on: the passages that their prompts showed, and the calls of tools."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select

from core.domain.answer_steps import ToolCallReport, UsedPassage
from core.store import schema
from core.store.database import Transaction

_P, _T = schema.turn_passages, schema.tool_calls


async def save(
    tx: Transaction, turn_id: int, passages: Sequence[UsedPassage], calls: Sequence[ToolCallReport]
) -> None:
    """Store what a turn's answer rests on, in place of what an earlier attempt stored."""
    if passages:
        await tx.execute(delete(_P).where(_P.c.turn_id == turn_id))
        rows = [
            asdict(one) | {"turn_id": turn_id, "document": one.document[:255], "label": one.label[:255]}
            for one in passages
        ]
        await tx.execute(insert(_P), rows)
    if calls:
        await tx.execute(insert(_T), [asdict(one) | {"turn_id": turn_id} for one in calls])


async def load_passages(tx: Transaction, turn_ids: Iterable[int]) -> Mapping[int, Sequence[UsedPassage]]:
    """Return the passages of each turn that has any, by their numbers."""
    found: dict[int, list[UsedPassage]] = {}
    query = select(_P).where(_P.c.turn_id.in_(list(turn_ids))).order_by(_P.c.turn_id, _P.c.number)
    for row in (await tx.execute(query)).mappings():
        values = {name: value for name, value in row.items() if name != "turn_id"}
        found.setdefault(row["turn_id"], []).append(UsedPassage(**values))
    return found


async def load_tool_calls(tx: Transaction, turn_ids: Iterable[int]) -> Mapping[int, Sequence[ToolCallReport]]:
    """Return the calls of each turn that has any, in order."""
    found: dict[int, list[ToolCallReport]] = {}
    query = select(_T).where(_T.c.turn_id.in_(list(turn_ids))).order_by(_T.c.id)
    for row in await tx.execute(query):
        call = ToolCallReport(name=row.name, outcome=row.outcome, duration_s=row.duration_s)
        found.setdefault(row.turn_id, []).append(call)
    return found
