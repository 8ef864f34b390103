"""The answers that this process is writing, and the way to cancel one from outside."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from core.domain.turn_states import CancelReason

T = TypeVar("T")


@dataclass(slots=True)
class ActiveAnswer:
    """One answer, from before its turn is claimed until its turn is closed."""

    task: "asyncio.Task[Any] | None" = None  #: the step that runs, if any
    cancel_reason: CancelReason | None = None  #: None: it was not cancelled

    def start(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> "asyncio.Task[T]":
        """Run the next step of the answer in a task that :meth:`cancel` ends; return the task."""
        task = self.task = asyncio.create_task(work, name=name)
        if self.cancel_reason is not None:
            task.cancel()
        return task

    def cancel(self, reason: CancelReason) -> None:
        """Cancel the answer; its text so far stays. The first reason counts."""
        if self.cancel_reason is None:
            self.cancel_reason = reason
            if self.task is not None:
                self.task.cancel()


class ActiveAnswers:
    """At most one answer for each conversation."""

    def __init__(self) -> None:
        self._answers: dict[int, ActiveAnswer] = {}

    def register(self, conversation_id: int) -> ActiveAnswer:
        """Register an answer before its turn is claimed."""
        answer = self._answers[conversation_id] = ActiveAnswer()
        return answer

    def get(self, conversation_id: int) -> ActiveAnswer | None:
        """Return a conversation's answer; None if this process has none."""
        return self._answers.get(conversation_id)

    def remove(self, conversation_id: int, answer: ActiveAnswer) -> None:
        """Remove an answer."""
        if self._answers.get(conversation_id) is answer:
            del self._answers[conversation_id]

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """Cancel a conversation's answer, if this process has one."""
        answer = self._answers.get(conversation_id)
        if answer is not None:
            answer.cancel(reason)

    def conversation_ids(self) -> list[int]:
        """Return the conversations that have an answer here."""
        return list(self._answers)

    def __len__(self) -> int:
        return len(self._answers)
