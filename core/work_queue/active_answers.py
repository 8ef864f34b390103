"""The answers that this process is writing, and the way to end one from outside."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from core.domain.turn_states import CancelReason

T = TypeVar("T")


@dataclass(slots=True)
class ActiveAnswer:
    """One answer that this process is writing."""

    task: "asyncio.Task[Any] | None" = None
    cancel_reason: CancelReason | None = None  #: None while it goes on

    def start(self, work: Coroutine[Any, Any, T], *, name: str | None = None) -> "asyncio.Task[T]":
        """Run the next step of the answer in a task that :meth:`cancel` ends; return the task."""
        task = self.task = asyncio.create_task(work, name=name)
        if self.cancel_reason is not None:
            task.cancel()
        return task

    def cancel(self, reason: CancelReason) -> None:
        """End the answer; its text so far stays."""
        if self.cancel_reason is None:
            self.cancel_reason = reason
            if self.task is not None:
                self.task.cancel()


class ActiveAnswers:
    """At most one answer for each conversation."""

    def __init__(self) -> None:
        self._answers: dict[int, ActiveAnswer] = {}

    def register(self, conversation_id: int) -> ActiveAnswer:
        """Register an answer that is about to be asked for."""
        answer = self._answers[conversation_id] = ActiveAnswer()
        return answer

    def get(self, conversation_id: int) -> ActiveAnswer | None:
        """Return a conversation's answer, if this process is about to write or writing one."""
        return self._answers.get(conversation_id)

    def remove(self, conversation_id: int, answer: ActiveAnswer) -> None:
        """Forget an answer."""
        if self._answers.get(conversation_id) is answer:
            del self._answers[conversation_id]

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """End a conversation's running answer, if this process is writing one."""
        answer = self._answers.get(conversation_id)
        if answer is not None:
            answer.cancel(reason)

    def conversation_ids(self) -> list[int]:
        """Return the conversations that this process is answering in."""
        return list(self._answers)

    def __len__(self) -> int:
        return len(self._answers)
