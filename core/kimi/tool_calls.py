"""Assembles tool calls from the fragments of a stream."""

from dataclasses import dataclass
from typing import Any, Final

import orjson

from core.kimi.reply import ToolCall
from core.kimi.wire_text import repair_text

MAX_HELD_CHARS: Final = 1_000_000  #: of one reply's calls; no model writes half of it
_CALL_CHARS: Final = 20  #: that a call counts beside its arguments


class ToolCallsTooLong(ValueError):
    """The calls of a reply have no end."""


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
        self._held_chars = 0

    def add_fragments(self, fragments: object) -> None:
        """Add the ``tool_calls`` member of a delta or of a whole message.

        Raises:
            ToolCallsTooLong: the calls grow beyond ``MAX_HELD_CHARS``.
        """
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
                self._count(len(piece))
            case dict() as whole:  # some servers send the value instead of its text
                draft.arguments = orjson.dumps(whole).decode()
                self._count(len(draft.arguments))

    def _count(self, chars: int) -> None:
        self._held_chars += chars
        if self._held_chars > MAX_HELD_CHARS:
            raise ToolCallsTooLong(f"tool calls of more than {MAX_HELD_CHARS:,} characters")

    def _partial_call_for(self, index: object, call_id: str) -> _PartialToolCall:
        known = self._newest() if not isinstance(index, int) else self._by_index.get(index)
        if known is None or (call_id and known.id and known.id != call_id):
            known = _PartialToolCall()
            self._partial_calls.append(known)
            self._count(_CALL_CHARS)
        if isinstance(index, int):
            self._by_index[index] = known
        return known

    def _newest(self) -> _PartialToolCall | None:
        return self._partial_calls[-1] if self._partial_calls else None
