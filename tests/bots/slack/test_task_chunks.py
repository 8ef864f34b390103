"""Steps of an answer as cards of a native stream: what is sent, what is bounded, what a refusal becomes."""

from dataclasses import replace
from typing import Any

import pytest

from bots.simulator.slack import rules
from bots.slack.render import MAX_MESSAGE_BYTES
from bots.slack.task_chunks import running_line, task_chunks
from core.domain.bot_messages import DeliveryModeName, RenderedMessage, TaskCard, TaskState
from tests.bots.slack.test_surface import Desk, desk, page

__all__ = ["desk"]

SEARCH = TaskCard(id="1", title="Searching: tea")
FOUND = replace(SEARCH, state=TaskState.DONE, sources=(("https://a.test/tea", "Tea"),))


def showing(text: str, *tasks: TaskCard) -> RenderedMessage:
    """A page with cards above its text."""
    return replace(page(text), tasks=tasks)


def test_only_what_changed_is_sent() -> None:
    """A step that ends carries its state and its pages; one that stays as it is, nothing."""
    assert task_chunks([SEARCH]) == [
        {"type": "task_update", "id": "1", "title": "Searching: tea", "status": "in_progress"}
    ]
    (ended,) = task_chunks([FOUND], [SEARCH])
    assert ended["status"] == "complete"
    assert ended["sources"] == [{"type": "url", "url": "https://a.test/tea", "text": "Tea"}]
    assert task_chunks([FOUND], [FOUND]) == []


@pytest.mark.parametrize("title", ["x", "正在搜索：" + "茶" * 80, "Searching: <!channel> " + "x" * 300])
@pytest.mark.parametrize("number", [1, 7, 60])
def test_cards_leave_room_for_the_longest_text(title: str, number: int) -> None:
    """Whatever steps there are, all their chunks and a full text fit a stream, and ping nobody."""
    sources = tuple((f"https://a.test/{'p' * at}", "t" * at) for at in range(80))
    running = [TaskCard(id=str(at), title=title) for at in range(number)]
    ended = [replace(task, state=TaskState.DONE, sources=sources) for task in running]
    chunks: list[dict[str, Any]] = [*task_chunks(running), *task_chunks(ended, running)]
    rules.check_chunks(chunks)
    assert sum(map(rules.chunk_bytes, chunks)) + MAX_MESSAGE_BYTES <= rules.STREAM_BYTES
    assert len({chunk["id"] for chunk in chunks}) <= rules.STREAM_TASKS
    assert {chunk["id"] for chunk in task_chunks(running)} == {chunk["id"] for chunk in task_chunks(ended)}
    assert chunks
    assert not rules.pings_in(chunks[0]["title"])
    assert not rules.pings_in(running_line(running))


async def test_cards_come_before_the_text_and_end_with_it(desk: Desk) -> None:
    """A stream begins with a card alone; the call that ends it ends the last card too."""
    ref = await desk.surface.post(
        desk.thread, showing("", SEARCH), mode=DeliveryModeName.STREAM, idempotency_key="m:0"
    )
    assert ref.mode is DeliveryModeName.STREAM
    assert desk.shown(ref).tasks == (("Searching: tea", "in_progress"),)
    ref = await desk.surface.edit(
        desk.thread, ref, showing("Tea", SEARCH), previous=showing("", SEARCH), final=False
    )
    ref = await desk.surface.edit(
        desk.thread, ref, showing("Tea helps.", FOUND), previous=showing("Tea", SEARCH), final=True
    )
    assert (desk.shown(ref).text, desk.shown(ref).tasks) == (
        "Tea helps.",
        (("Searching: tea", "complete"),),
    )
    assert desk.methods() == ["chat.startStream", "chat.appendStream", "chat.stopStream"]


async def test_a_workspace_without_cards_gets_todays_line(desk: Desk) -> None:
    """A refused card alone becomes a message that can be edited; no card is offered from then on."""
    desk.slack.workspace.cards_available = False
    ref = await desk.surface.post(
        desk.thread, showing("", SEARCH), mode=DeliveryModeName.STREAM, idempotency_key="m:0"
    )
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == "Searching: tea"
    assert not desk.surface.delivery_modes(desk.thread)[0].shows_tasks


@pytest.mark.parametrize("final", [False, True])
async def test_refused_cards_leave_the_stream_its_text(desk: Desk, final: bool) -> None:
    """The text goes on without them, in the same stream."""
    ref = await desk.surface.post(
        desk.thread, page("Tea"), mode=DeliveryModeName.STREAM, idempotency_key="m:0"
    )
    desk.slack.workspace.cards_available = False
    ref = await desk.surface.edit(
        desk.thread, ref, showing("Tea helps.", SEARCH), previous=page("Tea"), final=final
    )
    assert desk.shown(ref).text == "Tea helps."
    assert desk.shown(ref).streaming is not final
    assert "chat.update" not in desk.methods()


async def test_a_stream_that_ends_with_cards_alone_shows_the_line(desk: Desk) -> None:
    """It died before the first word: the message goes on as one that is edited."""
    ref = await desk.surface.post(
        desk.thread, showing("", SEARCH), mode=DeliveryModeName.STREAM, idempotency_key="m:0"
    )
    await desk.slack.workspace.clock.sleep(320)
    ref = await desk.surface.edit(
        desk.thread, ref, showing("", FOUND), previous=showing("", SEARCH), final=False
    )
    assert ref.mode is DeliveryModeName.EDIT
    assert desk.shown(ref).text == "Searching: tea"
