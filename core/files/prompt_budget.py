"""Allocation of a prompt's tokens to documents. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

FILES_BUDGET_SHARE: Final = 0.6  #: share of a prompt's tokens that files may take
MIN_EXCERPT_TOKENS: Final = 500  #: a shorter excerpt of a document is of no use


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptDocument:
    """A document that competes for the prompt's tokens."""

    id: int
    tokens: int  #: estimated, of the whole document
    in_question: bool  #: sent with the question itself


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAllocation:
    """Documents by the share of them that the prompt contains."""

    whole: tuple[int, ...]  #: ids, oldest first
    partial: Mapping[int, int]  #: id → tokens
    omitted: tuple[int, ...]  #: ids


def allocate_budget(documents: Sequence[PromptDocument], budget_tokens: float) -> BudgetAllocation:
    """Allocate ``budget_tokens`` to documents, given oldest first.

    Documents of the question come first, then the newest. Those that do not fit as a whole share the
    remaining tokens equally.
    """
    ranked = sorted(documents, key=lambda one: (one.in_question, one.id), reverse=True)
    whole: list[int] = []
    too_long: list[PromptDocument] = []
    remaining = budget_tokens
    for one in ranked:
        if one.tokens <= remaining:
            whole.append(one.id)
            remaining -= one.tokens
        else:
            too_long.append(one)
    partial: dict[int, int] = {}
    while too_long:
        share = int(remaining / len(too_long))
        if share >= MIN_EXCERPT_TOKENS:
            partial = {one.id: share for one in too_long}
            break
        too_long.pop()  # the lowest rank
    allocated = {*whole, *partial}
    return BudgetAllocation(
        whole=tuple(one.id for one in documents if one.id in whole),
        partial=partial,
        omitted=tuple(one.id for one in documents if one.id not in allocated),
    )
