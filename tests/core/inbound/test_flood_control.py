"""Blocked and flooding people: refused with one notice, then in silence."""

from datetime import datetime, timedelta

import pytest

from core.access import AccessLists, RefusalReason
from core.access.flood_limits import FloodLimits
from core.chat_policy import ChatRules, Trigger
from core.domain.addresses import Person
from core.domain.buttons import ActionButton, ConfirmForget, RunCommand
from core.domain.command_names import CommandName
from core.domain.events import Event, Mention
from core.domain.queue import Lane
from core.domain.turn_states import CancelReason
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


@pytest.mark.parametrize("kind", [CommandName.RETRY, CommandName.DIGEST, ActionButton.CONTINUE])
async def test_what_asks_kimi_counts_as_a_question(
    inbound: Inbound, wall: Wall, kind: CommandName | ActionButton
) -> None:
    """A retry and a digest cost as much as a question."""
    limit(inbound, wall, questions_per_minute=1)
    chat = direct_chat()
    await inbound.ingest(chat.message("one"))
    again = chat.command(kind) if isinstance(kind, CommandName) else chat.press(kind, "unknown")
    await inbound.ingest(again)
    assert [reason for _, reason in await refusals(inbound)] == [RefusalReason.FLOOD]


async def test_arrivals_and_deletions_are_not_counted(inbound: Inbound, wall: Wall) -> None:
    """What makes the service call nobody costs nothing."""
    limit(inbound, wall, questions_per_minute=2)
    chat = direct_chat()
    question = chat.message("one")
    await inbound.ingest(question)
    for event in (chat.join(ANN), chat.delete(question), chat.edit(chat.message("never said"), "two")):
        await inbound.ingest(event)
    await inbound.ingest(chat.message("three"))
    assert await refusals(inbound) == []


async def test_the_fifth_command_of_a_minute_in_a_group_is_dropped(inbound: Inbound, wall: Wall) -> None:
    """Each reply takes one of the calls that the group's answers need (S6); the drop itself is silent."""
    limit(inbound, wall, questions_per_minute=20)
    chat = slack_channel()
    passed = [await inbound.ingest(chat.command(CommandName.HELP)) for _ in range(6)]
    assert passed == [True] * 4 + [False] * 2
    assert await inbound.ingest(chat.command(CommandName.HELP, author=BOB)), "each has their own pace"
    assert await inbound.ingest(chat.message("a question", mention=Mention.BY_NAME))
    wall.pass_s(61)
    assert await inbound.ingest(chat.command(CommandName.HELP))
    assert all(reason is None for _, reason in await refusals(inbound))


async def test_commands_and_presses_count_as_questions_do(inbound: Inbound, wall: Wall) -> None:
    """Over the pace they are dropped in silence, and a question gets the notice."""
    limit(inbound, wall, questions_per_minute=3)
    chat = direct_chat()
    await inbound.ingest(chat.message("one"))
    assert await inbound.ingest(chat.command(CommandName.LEARN))
    assert await inbound.ingest(chat.press(RunCommand(command=CommandName.HELP, argument=""), "unknown"))
    assert not await inbound.ingest(chat.command(CommandName.HELP))
    assert not await inbound.ingest(chat.press(ActionButton.GOOD, "unknown"))
    question = chat.message("two")
    await inbound.ingest(question)
    assert (question, RefusalReason.FLOOD) in await refusals(inbound)


async def test_an_edit_over_the_pace_changes_the_words_and_asks_nothing(inbound: Inbound, wall: Wall) -> None:
    """Answering an edit anew costs a call to Kimi, so that it counts as a question does (S6)."""
    limit(inbound, wall, questions_per_minute=2)
    chat = direct_chat()
    question = chat.message("one")
    await inbound.ingest(question)
    conversation = await inbound.conversation(chat)
    assert conversation is not None
    await inbound.answer(conversation, "An answer.")
    await inbound.ingest(chat.edit(question, "two"))
    await inbound.ingest(chat.edit(question, "three"))
    assert [event.text for event in await inbound.open_events()] == ["two"]  # type: ignore[union-attr]
    assert (await inbound.history(conversation))[0].text == "three"


@pytest.mark.parametrize("kind", ["command", "button"])
async def test_a_running_answer_can_always_be_stopped(inbound: Inbound, wall: Wall, kind: str) -> None:
    """Stopping saves calls; if nothing runs it counts as any other command."""
    limit(inbound, wall, questions_per_minute=1)
    chat = direct_chat()
    await inbound.ingest(chat.message("one"))
    conversation = await inbound.conversation(chat)
    assert conversation is not None

    def stop() -> Event:
        return (
            chat.command(CommandName.STOP) if kind == "command" else chat.press(ActionButton.STOP, "unknown")
        )

    assert not await inbound.ingest(stop())
    _, answer = await inbound.begin_answer(conversation)
    assert await inbound.ingest(stop())
    assert answer.cancel_reason is CancelReason.STOP


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
    chat = direct_chat()
    event: Event = chat.command(CommandName.FORGET)
    if kind == "button":
        confirm = ConfirmForget(person_id=ANN.id, confirmed=True)
        await inbound.show_menu(chat.command(CommandName.FORGET), "menu", confirm)
        event = chat.press(confirm, "menu")
    limit(inbound, wall, questions_per_minute=1)
    await inbound.ingest(chat.message("Hello?"))
    await block(inbound, chat, ANN)
    assert await inbound.ingest(event)
    assert await refusals(inbound) == [(event, None)]
