"""Steps of an answer as ``task_update`` chunks of a native stream. Pure.

A stream holds about 10,600 bytes in all, titles included (not documented; measured by several projects), and
a message's text up to 9,000 of them (:mod:`bots.slack.render`). What cards may add is counted here: a title
twice, since it is sent when the step begins and when it ends. Steps beyond that are not shown. Shape:
https://docs.slack.dev/reference/methods/chat.appendStream (``slack_sdk.models.messages.chunk``).
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from core.domain.bot_messages import TaskCard, TaskState
from core.markdown.mention_neutralizer import neutralize_mentions

MAX_TASKS: Final = 50  #: of one message
MAX_TITLE_CHARS: Final = 60
MAX_TITLES_BYTES: Final = 700  #: of one message's titles, each counted twice
MAX_TASKS_WITH_SOURCES: Final = 5
MAX_SOURCES_BYTES: Final = 160  #: of one card's addresses and their titles
_STATUSES: Final = {
    TaskState.RUNNING: "in_progress",
    TaskState.DONE: "complete",
    TaskState.FAILED: "error",
}

CHUNK_ERROR_CODES: Final = frozenset({"invalid_chunks", "invalid_arguments", "invalid_blocks"})
"""Errors that concern the cards and not the text, which may be sent without them."""


def task_chunks(tasks: Sequence[TaskCard], shown: Sequence[TaskCard] = ()) -> list[dict[str, Any]]:
    """Return the chunks that bring a stream's cards from ``shown`` to ``tasks``."""
    before = {chunk["id"]: chunk for chunk in _chunks(shown)}
    return [chunk for chunk in _chunks(tasks) if before.get(chunk["id"]) != chunk]


def running_line(tasks: Sequence[TaskCard]) -> str:
    """Return the line shown instead of cards; never "" if there are any."""
    running = [task for task in tasks if task.state is TaskState.RUNNING]
    return next((_plain(task.title) for task in reversed(running or tasks)), "")


def _chunks(tasks: Sequence[TaskCard]) -> Iterator[dict[str, Any]]:
    left_bytes = MAX_TITLES_BYTES
    for index, task in enumerate(tasks[:MAX_TASKS]):
        title = _plain(task.title)
        left_bytes -= 2 * len(title.encode())
        if left_bytes < 0:
            return
        chunk = {"type": "task_update", "id": task.id, "title": title, "status": _STATUSES[task.state]}
        sources = [*_sources(task)] if index < MAX_TASKS_WITH_SOURCES else []
        yield {**chunk, "sources": sources} if sources else chunk


def _sources(task: TaskCard) -> Iterator[dict[str, str]]:
    left_bytes = MAX_SOURCES_BYTES
    for url, title in task.sources:
        text = _plain(title or url.partition("://")[2])
        left_bytes -= len(url.encode()) + len(text.encode())
        if left_bytes < 0:
            return
        yield {"type": "url", "url": url, "text": text}


def _plain(text: str) -> str:
    short = text if len(text) <= MAX_TITLE_CHARS else f"{text[: MAX_TITLE_CHARS - 1]}…"
    return neutralize_mentions(short)
