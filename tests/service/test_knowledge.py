"""Conversations that draw on what a team knows."""

import re
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import SecretStr

from bots.simulator.embeddings import KEY, EmbeddingSimulator
from bots.simulator.kimi import answer_with
from core.chat_policy import ChatRules
from core.domain.addresses import ThreadKey
from core.domain.events import ChannelMigrated
from core.knowledge.indexing import index_document
from core.knowledge.scope import chat_set_name, owner_of
from core.store import Database, answer_steps, canned, knowledge, rules
from core.store.knowledge import DEPLOYMENT

TEXT = """# Tea house

## Opening hours

We are open from ten to eight, on Sundays until six. On Mondays the shop is closed.

## Returns

Unopened tea can be sent back within seven days. See <passage n="9"> for nothing.
"""


async def know(
    world: Any, room: Any, *, strict: bool, names: Sequence[str] = ("tea",), url: str = ""
) -> None:
    """Teach the deployment a set, and let a room's rules name it."""
    assert world.service is not None
    database: Database = world.service.database
    await index_document(database, DEPLOYMENT, "tea", name="tea.md", text=TEXT, extension="md", url=url)
    async with database.begin() as tx:
        made = ChatRules(knowledge=tuple(names), strict=strict)
        await rules.save(tx, made, platform=world.name, tenant="", channel=room.channel, changed_by="")
        taught = await knowledge.get_or_create_set(tx, DEPLOYMENT, "tea")
        await knowledge.save_floor(tx, taught.id, 0.3)  # a set whose operator measured it


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_an_answer_stands_on_passages_and_names_them(world: Any) -> None:
    """The found passages come right before the question; those that are cited stand below the answer."""
    world.kimi.script = answer_with("On Mondays we are closed [1].")
    await world.start()
    room = world.direct()
    await know(world, room, strict=False, url="https://tea.example/hours")
    await room.ask("Which day is the shop closed?")
    shown = await room.shows("On Mondays we are closed [1].")
    await world.done(1)
    *_, passages, question = world.requests[-1].messages
    assert question["content"] == "Which day is the shop closed?"
    assert passages["role"] == "system"
    assert '<passage n="1" source="Tea house › Opening hours">' in passages["content"]
    shown = room.answers[-1]
    assert "Sources" in shown.text
    assert "Opening hours" in shown.text
    assert "Returns" not in shown.text
    async with world.service.database.read() as tx:
        (used,) = (await answer_steps.load_passages(tx, [1])).values()
    assert [(one.number, one.is_cited) for one in used[:2]] == [(1, True), (2, False)][: len(used)]
    assert used[0].label == "Tea house › Opening hours"
    world.assert_calm()


async def test_a_strict_chat_says_that_it_does_not_know(world: Any) -> None:
    """Nothing relevant found: the bot says so in the person's language, and Kimi is not asked."""
    await world.start()
    room = world.direct()
    await know(world, room, strict=True)
    await room.ask("火星上有没有水资源？")
    await room.shows("我在现有的资料里没有找到这个问题的答案")
    await room.ask("Who won the championship in 1998?")
    await room.shows("I found nothing on this in what I was given")
    assert await world.done(2) == ["no_knowledge", "no_knowledge"]
    assert world.requests == []


async def test_a_strict_chats_kimi_says_in_secret_that_it_does_not_know(world: Any) -> None:
    """Passages were found but do not answer: the person reads the admission, never the marker."""

    def obey(request: Any) -> str:
        """Answer as a Kimi that does what the prompt says."""
        asked = request.history[-1]["content"]
        if "Monday" in asked:
            return "On Mondays we are closed [1]."
        found = re.search(r"\[\[no-answer:\w+\]\]", request.history[-2]["content"])
        assert found is not None
        return f"```\n{found[0]}\n```"

    world.kimi.script = obey
    await world.start()
    room = world.direct()
    await know(world, room, strict=True)
    await room.ask("Is the shop closed on a holiday such as New Year?")
    await room.shows("I found nothing on this in what I was given")
    await room.ask("Is the shop closed on Mondays?")
    await room.shows("On Mondays we are closed [1].")
    assert await world.done(2) == ["no_knowledge", "complete"]
    assert len(world.requests) == 2
    assert "no-answer" not in str(world.requests[-1].messages[:-2])
    assert not any("no-answer" in text for text in room.texts)


async def test_a_strict_chat_greets_back(world: Any) -> None:
    """Small talk is not refused: Kimi answers it, told to state nothing."""
    world.kimi.script = answer_with("You are welcome!")
    await world.start()
    room = world.direct()
    await know(world, room, strict=True)
    await room.ask("Thank you!")
    await room.shows("You are welcome!")
    assert await world.done(1) == ["complete"]
    assert "State nothing about the team" in world.requests[-1].messages[-2]["content"]


async def test_a_short_question_goes_on_with_the_one_before(world: Any) -> None:
    """What would find nothing by itself is read together with the question before it."""
    world.kimi.script = answer_with("Until six [1].")
    await world.start()
    room = world.direct()
    await know(world, room, strict=True)
    await room.ask("What are your opening hours?")
    await world.done(1)
    await room.ask("And in winter?")
    assert await world.done(2) == ["complete", "complete"]
    assert "Opening hours" in world.requests[-1].messages[-2]["content"]


async def test_a_chat_is_taught_a_file(world: Any) -> None:
    """/learn under a file takes it in; the next question finds it, the same name replaces it."""
    world.kimi.script = answer_with("Forty two [1].")
    await world.start()
    room = world.direct()
    await learn(room, "facts.md", b"# Facts\n\n## Height of the tower\n\nThe tower is 42 metres high.\n")
    await world.done(1)
    assert "Learnt" in room.texts[-1]
    assert "1 passage." in room.texts[-1]
    await room.ask("How high is the tower?")
    await room.shows("Forty two [1].")
    assert "42 metres" in world.requests[-1].messages[-2]["content"]
    await learn(room, "facts.md", b"# Facts\n\n## Height of the tower\n\nThe tower is 50 metres high.\n")
    await room.shows("is updated")
    await room.ask("How high is the tower?")
    await world.done(4)
    assert "50 metres" in world.requests[-1].messages[-2]["content"]


async def test_a_file_that_was_sent_before_is_learnt(world: Any) -> None:
    """/learn in reply to a file takes that in; where nothing is replied to, the last one that was sent."""
    await world.start()
    room = world.direct()
    said = await room.send(("tower.md", b"# Tower\n\nIt is 42 metres high.", "text/markdown"), text="Look")
    await world.done(1)
    if world.name == "telegram":
        await world.sim.say(int(room.channel), room.people[0], "/learn", reply_to=int(said))
    else:
        await room.order("learn")
    await world.done(2)
    assert "tower.md" in room.texts[-1]
    assert "1 passage." in room.texts[-1]
    await room.order("learn remove tower.md")
    await room.shows("Forgotten")


async def learn(room: Any, name: str, content: bytes) -> None:
    """Send a file with the command: as its caption, or in the message that mentions the bot."""
    world, person = room.world, room.people[0]
    if world.name == "telegram":
        how = {"filename": name, "mime_type": "text/markdown", "content": content}
        await world.sim.send_document(int(room.channel), person, "/learn", **how)
    else:
        files = [(name, content, "text/markdown")]
        await world.sim.share_files(room.channel, person, files, text="/learn", thread_ts=None)


async def test_only_admins_teach_a_group(world: Any) -> None:
    """Somebody who does not run a group can neither teach it nor keep answers."""
    await world.start()
    room = world.group("Ann", "Bob")
    await room.ask("hello", person=1)
    await room.shows("Hello there.")
    for command in ("learn", "canned list"):
        await room.order(command, person=1)
    await world.done(3)
    shown = [one.text for one in world.screen.messages.values()]
    assert sum("only admins" in text for text in shown) == 2


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_ready_answer_is_said_again(world: Any) -> None:
    """A kept answer comes again to the same question, marked, without Kimi; another try asks Kimi."""
    world.kimi.script = answer_with("We ship to Japan within ten days.")
    await world.start()
    room = world.direct()
    await room.ask("Do you ship to Japan?")
    await world.done(1)
    await keep(room)
    await room.shows("Kept: whoever asks this again gets this answer.")
    asked = len(world.requests)
    await room.ask("do you ship to JAPAN??")
    await room.shows("A ready answer from the team")
    assert await world.done(3) == ["complete", "notice", "canned"]
    assert "We ship to Japan within ten days." in room.answers[-1].text
    assert len(world.requests) == asked
    await room.order("retry")
    await world.done(4)
    assert len(world.requests) == asked + 1


async def keep(room: Any) -> None:
    """Keep the bot's last answer: by replying to it, or as the conversation's latest."""
    world, person = room.world, room.people[0]
    if world.name == "telegram":
        answer = int(room.answers[-1].message_id)
        await world.sim.say(int(room.channel), person, "/canned add", reply_to=answer)
    else:
        await room.order("canned add")


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_ready_answer_is_removed(world: Any) -> None:
    """A button of the list takes a ready answer away; Kimi is asked again."""
    await world.start()
    room = world.direct()
    await room.ask("Do you ship to Japan?")
    await world.done(1)
    await keep(room)
    await room.shows("Kept")
    await room.press("Remove #")
    await room.shows("Removed.")
    await room.ask("Do you ship to Japan?")
    assert (await world.done(4))[-1] == "complete"


@pytest.mark.parametrize("platform", ["telegram"])
async def test_what_a_group_was_taught_moves_with_it(world: Any) -> None:
    """A group that becomes a supergroup keeps what it was taught, and its ready answers."""
    await world.start()
    assert world.service is not None
    database: Database = world.service.database
    old, new = (
        ThreadKey(platform="telegram", tenant="1", channel=chat, thread="") for chat in ("-5", "-1005")
    )
    await index_document(
        database, owner_of(old), chat_set_name(old), name="tea.md", text=TEXT, extension="md"
    )
    moved = ChannelMigrated(
        delivery_id="move:1", platform="telegram", tenant="1", old_channel="-5", new_channel="-1005"
    )
    async with database.begin() as tx:
        await canned.save(tx, old, question="Open?", answer="Yes.", author_id="9")
    await world.service.components.ingestor(moved)
    async with database.read() as tx:
        assert await knowledge.find_set(tx, owner_of(old), chat_set_name(old)) is None
        assert await knowledge.find_set(tx, owner_of(new), chat_set_name(new)) is not None
        assert [one.answer for one in await canned.load(tx, new)] == ["Yes."]


async def test_a_strict_chat_with_a_desk_offers_a_person(world: Any) -> None:
    """Where a team has a desk, not knowing comes with the button that asks for a person."""
    await world.start(desk=f"{world.name}:D1")
    room = world.direct()
    await know(world, room, strict=True)
    await room.ask("Who won the championship in 1998?")
    await room.shows("Shall a person of our team help you with it?")
    assert await world.done(1) == ["no_knowledge"]
    assert any("Talk to a person" in str(button) for button in room.answers[-1].buttons)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_a_question_in_other_words_is_answered_by_meaning(world: Any) -> None:
    """The service gives a document its vectors by itself; while the host is down, words alone serve."""
    world.kimi.script = answer_with("Within seven days [1].")
    async with EmbeddingSimulator(synonyms={"reimbursement": "returns"}) as host:
        await world.start(
            embeddings_model=host.model,
            embeddings_url=host.base_url,
            embeddings_key=SecretStr(KEY),
        )
        room = world.direct()
        await know(world, room, strict=True)
        await world.service.components.knowledge.passage_embedder.embed_pending()
        await room.ask("Reimbursement")
        await room.shows("Within seven days [1].")
        passages = world.requests[-1].messages[-2]["content"]
        assert passages.index("Returns") < (passages + "Opening hours").index("Opening hours")
        host.is_down = True
        await room.ask("Reimbursement for a football, please")
        await room.shows("I found nothing on this in what I was given")
    assert await world.done(2) == ["complete", "no_knowledge"]
