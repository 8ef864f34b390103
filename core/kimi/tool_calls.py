"""Assembles tool calls from the fragments of a stream."""

from dataclasses import dataclass
from typing import Any

import orjson

from core.kimi.reply import ToolCall
from core.kimi.wire_text import repair_text


@dataclass(slots=True)
class _PartialToolCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


class ToolCallAssembler:
    """Collects fragments by index, or by order from servers that leave the index out.

    A fragment without an index belongs to the newest call, unless it brings an id of its own. A
    second id under the same index begins another call. Arguments may come before the name.
    """

    def __init__(self) -> None:
        self._partial_calls: list[_PartialToolCall] = []
        self._by_index: dict[int, _PartialToolCall] = {}

    def add_fragments(self, fragments: object) -> None:
        """Add the ``tool_calls`` member of a delta or of a whole message."""
        for fragment in fragments if isinstance(fragments, list) else ():
            if isinstance(fragment, dict):
                self._add_fragment(fragment)

    def tool_calls(self) -> list[ToolCall]:
        """Return the calls so far, in the order in which they began, without nameless ones."""
        return [
            ToolCall(
                id=repair_text(draft.id) or f"{draft.name}:{position}",
                name=repair_text(draft.name),
                arguments=repair_text(draft.arguments),
            )
            for position, draft in enumerate(self._partial_calls)
            if draft.name
        ]

    def _add_fragment(self, fragment: dict[str, Any]) -> None:
        call_id = fragment.get("id") or ""
        draft = self._partial_call_for(fragment.get("index"), str(call_id))
        draft.id = draft.id or str(call_id)
        function = fragment.get("function")
        if not isinstance(function, dict):
            return
        draft.name = draft.name or str(function.get("name") or "")
        match function.get("arguments"):
            case str(piece):
                draft.arguments += piece
            case dict() as whole:  # some servers send the value instead of its text
                draft.arguments = orjson.dumps(whole).decode()

    def _partial_call_for(self, index: object, call_id: str) -> _PartialToolCall:
        known = self._newest() if not isinstance(index, int) else self._by_index.get(index)
        if known is None or (call_id and known.id and known.id != call_id):
            known = _PartialToolCall()
            self._partial_calls.append(known)
        if isinstance(index, int):
            self._by_index[index] = known
        return known

    def _newest(self) -> _PartialToolCall | None:
        return self._partial_calls[-1] if self._partial_calls else None
