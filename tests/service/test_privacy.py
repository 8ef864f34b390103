"""/usage and /forget, old messages, and what Kimi is told of who asks."""

import io
from typing import Any

import docx
import pytest

from bots.simulator.kimi import answer_with, per_question

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def person_id(person: Any) -> str:
    """A person's id on either platform."""
    return str(getattr(person, "id", person))


async def test_usage_tells_a_person_theirs_and_an_admin_the_chats(world: Any) -> None:
    """In a group an admin sees everybody's together; the price is that of the model."""
    room = world.group("Ann", "Bob")
    await world.start(
        admins=(f"{world.name}:{person_id(room.people[0])}",), kimi_prices={"kimi-k2.6": (1e5, 0, 0)}
    )
    await room.ask("One?", person=0)
    await world.done(1)
    await room.ask("@moonthread_bot two?" if world.name == "telegram" else "two?", person=0)
    await world.done(2)
    await room.order("usage", person=1)
    await world.done(3)
    assert "Today: 0 questions, 0 tokens, US$ 0.0000" in room.texts[-1]
    assert "this chat" not in room.texts[-1]
    await room.order("usage", person=0)
    await world.done(4)
    own, chat = room.texts[-1].split("What this chat has used")
    assert "Today: 2 questions, " in own
    assert "This month: 2 questions, " in chat
    (stored,) = await world.rows("SELECT sum(cost_usd) AS usd, sum(prompt_tokens) AS tokens FROM usage")
    assert stored.usd == pytest.approx(stored.tokens * 0.1)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_forget_deletes_what_a_person_said_once_they_confirm(world: Any, backend: str) -> None:
    """Nothing happens before; afterwards Kimi is told nothing of it, and what others said stays."""
    world.kimi.script = per_question(
        {"plum": "Plums are sweet.", "pear": "Pears are green.", "What": "Nothing."}
    )
    ann, bob = world.direct("Ann"), world.direct("Bob")
    await world.start()
    await ann.ask("plum?")
    await bob.ask("pear?")
    await world.done(2)
    await ann.order("forget")
    asked = await ann.shows("This cannot be undone.")
    assert [label for label, _ in asked.buttons] == ["Delete it all", "Keep it"]
    assert len(await world.rows("SELECT id FROM messages")) == 4
    await ann.press("Delete it all")
    await ann.shows("Deleted: 1 of your messages, 1 answers and 0 files, in 1 conversations")
    await world.done(4)
    left = str(
        [
            await world.rows("SELECT * FROM inbox"),
            await world.rows("SELECT * FROM turns"),
            await world.rows("SELECT * FROM messages"),
        ]
    )
    assert "plum" not in left.lower()
    assert "pear" in left
    await ann.ask("What did I say?")
    await world.done(5)
    assert "plum" not in str(world.requests[-1].messages).lower()
    world.assert_calm()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("platform", ["telegram"])
async def test_forgetting_takes_words_out_of_others_replies(world: Any, backend: str) -> None:
    """Where somebody replied to the person and so quoted them to Kimi, only the reply's own words stay."""
    room = world.group("Ann", "Bob")
    await world.start()
    overheard = await world.sim.say(int(room.channel), room.people[0], "I love plums.")
    await room.ask("Is that healthy?", person=1, reply_to=overheard)
    await world.done(1)
    assert "Ann wrote:\n> I love plums." in world.question_of(0)[0][1]
    await room.order("forget yes", person=0)
    await world.done(2)
    left = str([await world.rows("SELECT * FROM inbox"), await world.rows("SELECT * FROM messages")])
    assert "plum" not in left
    assert "Is that healthy?" in left
    await room.ask("And now?", person=1, reply_to=int(room.answers[0].message_id))
    await world.done(3)
    assert "plum" not in str(world.requests[-1].messages)
    assert "Bob: Is that healthy?" in str(world.requests[-1].messages)


async def test_keeping_it_deletes_nothing(world: Any) -> None:
    """The other button takes the question back."""
    await world.start()
    room = world.direct()
    await room.ask("plum?")
    await world.done(1)  # its answer stands above the question whether to forget
    await room.order("forget")
    await room.shows("This cannot be undone.")
    await room.press("Keep it")
    await room.shows("Nothing was deleted.")
    await world.done(3)
    assert len(await world.rows("SELECT id FROM messages")) == 2


async def test_only_who_asked_can_confirm(world: Any) -> None:
    """In a group another's press deletes neither's words, and the question stays for the one who is asked."""
    room = world.group("Ann", "Bob")
    await world.start()
    await room.ask("plum?", person=0)
    await world.done(1)
    await room.order("forget", person=0)
    await room.shows("This cannot be undone.")
    await room.press("Delete it all", person=1)
    await room.press("Keep it", person=1)
    await world.queued(0)
    assert len(await world.rows("SELECT id FROM messages")) == 2
    await room.press("Delete it all", person=0)
    await room.shows("Deleted: 1 of your messages")
    await world.done(3)


async def test_forgetting_ends_the_answer_that_is_being_written(world: Any) -> None:
    """It is stopped first, and leaves nothing behind."""
    world.kimi.script = answer_with("plum " * 200, chunks_per_s=10)
    await world.start()
    room = world.direct()
    await room.ask("Tell me of fruit.")
    await world.until(lambda: room.answers and room.answers[0].edits, "the answer grows")
    await room.order("forget yes")
    await room.shows("Deleted: 1 of your messages, 1 answers")
    await world.done(2)
    assert await world.rows("SELECT id FROM messages") == []
    assert "plum" not in str(await world.rows("SELECT * FROM turns"))


async def test_old_messages_are_deleted_at_the_start(world: Any) -> None:
    """The operator's days count from when something was said; a redelivery is not answered anew."""
    await world.start(retention_days=30)
    room = world.direct()
    await room.ask("plum?")
    await world.done(1)
    await world.stop()
    await world.start()
    assert len(await world.rows("SELECT id FROM messages")) == 2
    assert world.service is not None
    async with world.service.database.begin() as tx:
        await tx.exec_driver_sql("UPDATE inbox SET received_at = '2020-01-01 00:00:00'")
        await tx.exec_driver_sql("UPDATE messages SET created_at = '2020-01-01 00:00:00'")
    await world.stop()
    await world.start()
    assert world.service is not None
    await world.service.components.files.retention.purge_expired()
    assert await world.rows("SELECT id FROM messages UNION ALL SELECT id FROM turns") == []
    await room.ask("And now?")
    await world.done(1)
    assert "plum" not in str(world.requests[-1].messages)


async def test_kimi_learns_no_ids(world: Any) -> None:
    """Each person has a pseudonym that lasts over a restart; each conversation has its own cache key."""
    ann, bob = world.direct("Ann"), world.direct("Bob")
    await world.start()
    await ann.ask("One?")
    await world.done(1)
    await bob.ask("Two?")
    await world.done(2)
    await world.stop()
    await world.start()
    await ann.ask("Three?")
    await world.done(3)
    bodies = [request.body for request in world.requests]
    people = [body["safety_identifier"] for body in bodies]
    talks = [body["prompt_cache_key"] for body in bodies]
    assert people[0] == people[2] != people[1]
    assert talks[0] == talks[2] != talks[1]
    assert all(len(person) == 64 for person in people)
    for room in (ann, bob):
        assert person_id(room.people[0]) not in people + talks


async def test_forgetting_takes_files_along(world: Any) -> None:
    """A person's file is deleted here and at Kimi."""
    await world.start()
    room = world.direct()
    document, out = docx.Document(), io.BytesIO()
    document.add_paragraph("The password is plum.")
    document.save(out)
    await room.send(("secret.docx", out.getvalue(), DOCX), text="What is it?")
    await world.done(1)
    assert len(world.kimi.shelf.files) == 1
    await room.order("forget yes")
    await room.shows("1 answers and 1 files")
    await world.done(2)
    await world.until(lambda: not world.kimi.shelf.files, "Kimi has deleted the file")
    contents = await world.rows("SELECT text FROM file_blobs")
    assert "plum" not in str(contents)
