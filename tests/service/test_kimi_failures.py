"""Kimi fails, and the person reads the whole answer or one short notice, never anything else."""

from typing import Any

import pytest

from bots.simulator.kimi import Faults, Refusal, ScriptedReply, after_refusals, answer_with, in_turn
from bots.simulator.kimi.refusal import (
    BAD_KEY,
    BARE_STRING,
    EMPTY_BODY,
    GATEWAY_TIMEOUT,
    HIGH_RISK,
    NO_BALANCE,
    OVERLOADED,
    UNAVAILABLE,
)

TEXT = "It begins well. " + " ".join(f"word{number}" for number in range(60)) + " and it ends well."
NEVER_SHOWN = ("Traceback", "Error", "sk-test", "HTTP", "org-", "html", "{")


def broken(**faults: Any) -> ScriptedReply:
    """The answer with something that goes wrong in its middle."""
    return ScriptedReply(TEXT, chunks_per_s=40, faults=Faults(**faults))


def assert_only_notices(room: Any) -> None:
    """Assert that nothing of our inside was ever shown."""
    for frame in room.world.screen.frames:
        assert not [word for word in NEVER_SHOWN if frame.message.by_bot and word in frame.message.text]


@pytest.mark.parametrize("refusal", [UNAVAILABLE, OVERLOADED, GATEWAY_TIMEOUT, EMPTY_BODY, BARE_STRING])
async def test_a_failure_that_passes_is_not_noticed(world: Any, refusal: Refusal) -> None:
    """Two refusals and then an answer look like a slow answer."""
    world.kimi.script = after_refusals(refusal, 2, answer_with(TEXT, chunks_per_s=100))
    await world.start()
    room = world.direct()
    await room.ask("Hello?")
    await room.shows(TEXT, exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(room.answers) == 1
    assert len(world.requests) == 3
    world.assert_calm()


@pytest.mark.parametrize(
    ("refusal", "code", "english", "chinese"),
    [
        (NO_BALANCE, "quota_exhausted", "has run out of credit", "额度已用完"),
        (BAD_KEY, "authentication", "the access key isn't valid", "访问密钥无效"),
        (HIGH_RISK, "content_filtered", "can't answer this one", "换个话题"),
    ],
)
@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_refusal_for_good_is_told_at_once(
    world: Any, refusal: Refusal, code: str, english: str, chinese: str
) -> None:
    """What no retry mends is asked once and told in the language of the question.

    After an empty balance nobody is sent to Kimi for a while.
    """
    world.kimi.script = answer_with("", faults=Faults(refuse=refusal))
    await world.start()
    ann, wei = world.direct("Ann"), world.direct("Wei")
    await ann.ask("Are you there?")
    await ann.shows(english)
    await wei.ask("你在吗？")
    await wei.shows(chinese)
    assert await world.done(2) == [f"failed:{code}"] * 2
    assert len(world.requests) == (1 if code == "quota_exhausted" else 2)
    assert len(ann.answers) == len(wei.answers) == 1
    assert_only_notices(ann)
    world.assert_calm()


async def test_a_kimi_that_stays_away_is_told_after_the_patience(world: Any) -> None:
    """A gateway's page for as long as we are patient ends in a notice, and /retry helps later."""
    world.kimi.script = answer_with("", faults=Faults(refuse=GATEWAY_TIMEOUT))
    await world.start(kimi_retry_deadline_s=6)
    room = world.direct()
    await room.ask("Hello?")
    notice = await room.shows("Kimi can't be reached right now. Please try again later.")
    assert await world.done(1) == ["failed:unavailable"]
    assert len(world.requests) >= 2
    world.kimi.script = answer_with(TEXT, chunks_per_s=200)
    await room.order("retry")
    whole = await room.shows(TEXT, exactly=True)
    await world.done(2)
    assert whole.message_id == notice.message_id
    assert_only_notices(room)
    world.assert_calm()


@pytest.mark.parametrize("place", ["direct", "group"])
@pytest.mark.parametrize(
    "faults",
    [
        {"cut_after_chars": 150},
        {"cut_after_chars": 150, "split_utf8": True},
        {"no_done": True, "cut_after_chars": 400},
        {"stall_after_chars": 150},
    ],
    ids=["cut", "split", "late", "stalled"],
)
async def test_a_stream_that_breaks_off_goes_on_from_there(
    world: Any, place: str, faults: dict[str, Any]
) -> None:
    """Kimi is asked to go on where it broke off: the text is exact, in one message, unnoticed."""
    world.kimi.script = in_turn(broken(**faults), ScriptedReply(TEXT, chunks_per_s=60))
    await world.start(kimi_timeout_idle_s=4)
    room = getattr(world, place)()
    await room.ask("Hello?")
    await room.shows(TEXT, exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(room.answers) == 1
    assert world.requests[1].prefix
    assert TEXT.startswith(world.requests[1].prefix)
    (kept,) = await world.rows("SELECT text FROM messages WHERE role = 'assistant'")
    assert kept.text == TEXT
    assert all(TEXT.startswith(frame.message.text.rstrip(" …")) for frame in room.frames(room.answers[0]))
    world.assert_calm()


async def test_an_answer_that_breaks_for_good_keeps_its_text(world: Any) -> None:
    """After the last attempt the words so far stand above the notice, and /retry says it all."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=60, faults=Faults(error_after_chars=120))
    await world.start(kimi_retry_deadline_s=3)
    room = world.direct()
    await room.ask("Hello?")
    shown = await room.shows("/retry")
    await world.done(1)
    (outcome,) = await world.outcomes()
    assert outcome.startswith("failed:")
    words = shown.text.partition("\n\n")[0]
    assert TEXT.startswith(words)
    assert len(words) >= 100
    assert len(room.answers) == 1
    assert_only_notices(room)
    world.kimi.script = answer_with(TEXT, chunks_per_s=200)
    await room.order("retry")
    again = await room.shows(TEXT, exactly=True)
    assert again.message_id == shown.message_id
    await world.done(2)
    world.assert_calm()


async def test_an_empty_answer_is_told(world: Any) -> None:
    """Kimi says nothing at all: the person reads a line about it."""
    world.kimi.script = answer_with("")
    await world.start()
    room = world.direct()
    await room.ask("Hello?")
    await room.shows("Kimi gave no words this time.")
    assert await world.done(1) == ["empty"]
    world.assert_calm()


@pytest.mark.parametrize("platform", ["telegram"])
async def test_many_who_ask_at_once_all_get_answers_from_a_small_account(world: Any) -> None:
    """With one place at Kimi, six questions at once are answered one after the other."""
    world.kimi.account = type(world.kimi.account)(concurrency=1)
    world.kimi.script = answer_with("Your turn has come.", chunks_per_s=20)
    await world.start()
    rooms = [world.direct(f"P{number}") for number in range(6)]
    for room in rooms:
        await room.ask("Me?")
    assert await world.done(6) == ["complete"] * 6
    assert all(room.texts == ["Your turn has come."] for room in rooms)
