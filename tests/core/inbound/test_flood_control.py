"""Blocked and flooding people: refused with one notice, then in silence."""

from datetime import datetime, timedelta

import pytest

from core.access import AccessLists, RefusalReason
from core.access.flood_limits import FloodLimits
from core.chat_policy import ChatRules, Trigger
from core.domain.addresses import Person
from core.domain.buttons import ActionButton, ConfirmForget
from core.domain.command_names import CommandName
from core.domain.events import Event, Mention
from core.domain.queue import Lane
from core.inbound.flood_control import FloodControl
from core.store import blocked_people, inbox, open_work, rules
from tests.core.inbound.conftest import Inbound
from tests.event_builders import ANN, BOB, START, Chat, direct_chat, group_chat, picture, slack_channel

pytestmark = pytest.mark.virtual_time


class Wall:
    """The wall clock of a test."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        """Return its time."""
        return self.now

    def pass_s(self, seconds: float) -> None:
        """Go on."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def wall() -> Wall:
    """The time by which questions are counted."""
    return Wall()


def limit(inbound: Inbound, wall: Wall, *, admins: tuple[Person, ...] = (), **limits: int) -> None:
    """Put flood control with these limits before the ingestor."""
    access = AccessLists(admins=frozenset(f"telegram:{person.id}" for person in admins))
    inbound.configure(access=access, handlers=[FloodControl(access, FloodLimits(**limits), now=wall)])


async def refusals(inbound: Inbound) -> list[tuple[Event, RefusalReason | None]]:
    """Return the events to be refused with a notice, and why."""
    async with inbound.database.read() as tx:
        queues = [key for key in await inbox.load_open_queues(tx) if key.lane is Lane.COMMANDS]
        works = [await open_work.load_open_work(tx, key, limit=10, file_marker="@file-") for key in queues]
    return [(item.event, item.refusal_reason) for work in works if work is not None for item in work.items]


async def test_too_many_questions_are_refused_once_then_in_silence(inbound: Inbound, wall: Wall) -> None:
    """The question over the limit gets a notice, those of the pause nothing; afterwards all is well."""
    limit(inbound, wall, questions_per_minute=2)
    chat = direct_chat()
    for text in ("one", "two"):
        assert await inbound.ingest(chat.message(text))
    third = chat.message("three")
    assert await inbound.ingest(third)
    assert not await inbound.ingest(chat.message("four"))
    assert await refusals(inbound) == [(third, RefusalReason.FLOOD)]
    assert await inbound.open_texts() == ["one", "two"]
    wall.pass_s(120)
    assert await inbound.ingest(chat.message("five"))
    assert await inbound.open_texts() == ["one", "two", "five"]


async def test_the_same_words_again_and_again_are_refused(inbound: Inbound, wall: Wall) -> None:
    """Case and spacing do not make words new; other words pass."""
    limit(inbound, wall, duplicates_per_10_min=2)
    chat = direct_chat()
    await inbound.ingest(chat.message("Buy now"))
    await inbound.ingest(chat.message("buy  NOW"))
    third = chat.message("BUY now")
    await inbound.ingest(third)
    assert not await inbound.ingest(chat.message("buy now"))
    assert await inbound.ingest(chat.message("What does it cost?"))
    assert await refusals(inbound) == [(third, RefusalReason.DUPLICATE)]


async def test_an_album_counts_once(inbound: Inbound, wall: Wall) -> None:
    """The pictures of one album arrive as messages of their own and are one question."""
    limit(inbound, wall, questions_per_minute=1)
    chat = direct_chat()
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        assert await inbound.ingest(chat.message("", media_group_id="7", attachments=(picture(name),)))
    assert len(await inbound.open_events()) == 3


@pytest.mark.parametrize("kind", ["retry", "continue"])
async def test_asking_again_counts_as_a_question(inbound: Inbound, wall: Wall, kind: str) -> None:
    """A retry costs as much as a question."""
    limit(inbound, wall, questions_per_minute=1)
    chat = direct_chat()
    await inbound.ingest(chat.message("one"))
    again = (
        chat.command(CommandName.RETRY) if kind == "retry" else chat.press(ActionButton.CONTINUE, "unknown")
    )
    await inbound.ingest(again)
    assert [reason for _, reason in await refusals(inbound)] == [RefusalReason.FLOOD]


async def test_commands_edits_and_arrivals_are_not_counted(inbound: Inbound, wall: Wall) -> None:
    """What asks Kimi nothing costs nothing."""
    limit(inbound, wall, questions_per_minute=1)
    chat = direct_chat()
    question = chat.message("one")
    await inbound.ingest(question)
    for event in (chat.command(CommandName.HELP), chat.edit(question, "two"), chat.join(ANN)):
        await inbound.ingest(event)
    assert [reason for _, reason in await refusals(inbound) if reason is not None] == []


async def test_admins_are_never_refused(inbound: Inbound, wall: Wall) -> None:
    """The deployment's admins may ask as fast as they like."""
    limit(inbound, wall, questions_per_minute=1, admins=(ANN,))
    chat = direct_chat()
    for number in range(5):
        assert await inbound.ingest(chat.message(f"{number}"))
    assert len(await inbound.open_events()) == 5


async def test_each_person_has_a_counter_of_their_own(inbound: Inbound, wall: Wall) -> None:
    """One person's flood does not silence another in the same chat."""
    limit(inbound, wall, questions_per_minute=1)
    chat = slack_channel()
    for number in range(3):
        await inbound.ingest(chat.message(f"{number}", mention=Mention.BY_NAME))
    assert await inbound.ingest(chat.message("Bob's", author=BOB, mention=Mention.BY_NAME))
    assert "Bob's" in await inbound.open_texts()


async def test_talk_that_the_bot_overhears_is_not_counted(inbound: Inbound, wall: Wall) -> None:
    """In a group only what asks the bot something counts; with trigger "always" everything does."""
    limit(inbound, wall, questions_per_minute=1)
    chat = group_chat()
    for number in range(3):
        await inbound.ingest(chat.message(f"chatter {number}"))
    assert await refusals(inbound) == []
    async with inbound.database.begin() as tx:
        made = ChatRules(trigger=Trigger.ALWAYS)
        await rules.save(tx, made, platform="telegram", tenant="", channel=chat.channel, changed_by="")
    await inbound.ingest(chat.message("more"))
    await inbound.ingest(chat.message("and more"))
    assert [reason for _, reason in await refusals(inbound)] == [RefusalReason.FLOOD]


async def block(inbound: Inbound, chat: Chat, person: Person) -> None:
    """Block a person in a chat."""
    async with inbound.database.begin() as tx:
        await blocked_people.block(tx, platform=chat.platform, person_id=person.id, channel=chat.channel)


async def test_a_blocked_person_is_told_once(inbound: Inbound, wall: Wall) -> None:
    """The first message after the block gets a notice, the rest is not even stored."""
    limit(inbound, wall)
    chat = direct_chat()
    await block(inbound, chat, ANN)
    first = chat.message("Hello?")
    assert await inbound.ingest(first)
    assert not await inbound.ingest(chat.message("Hello??"))
    assert await refusals(inbound) == [(first, RefusalReason.BLOCKED)]
    assert await inbound.open_texts() == []


async def test_a_blocked_person_who_addresses_nobody_is_not_told(inbound: Inbound, wall: Wall) -> None:
    """The bot does not answer talk between people, not even to say that it does not answer."""
    limit(inbound, wall)
    chat = group_chat()
    await block(inbound, chat, ANN)
    assert not await inbound.ingest(chat.message("Lunch?"))
    assert await refusals(inbound) == []
    assert await inbound.ingest(chat.message("@bot lunch?", mention=Mention.BY_NAME))


@pytest.mark.parametrize("kind", ["command", "button"])
async def test_everybody_may_ask_to_be_forgotten(inbound: Inbound, wall: Wall, kind: str) -> None:
    """A blocked person's /forget and its confirmation are heard."""
    limit(inbound, wall, questions_per_minute=1)
    chat = direct_chat()
    await inbound.ingest(chat.message("Hello?"))
    await block(inbound, chat, ANN)
    event: Event = chat.command(CommandName.FORGET)
    if kind == "button":
        event = chat.press(ConfirmForget(person_id=ANN.id, confirmed=True), "menu")
    assert await inbound.ingest(event)
    assert await refusals(inbound) == [(event, None)]
