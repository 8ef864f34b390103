"""Files that were sent together are shown together on the other side, through crashes and refusals."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.errors import ThreadClosed
from core.domain.events import MessageReceived
from core.domain.handoff_state import OutboxKind, OutboxSide, OutboxState
from core.domain.message_content import Attachment, AttachmentKind, ForwardOrigin, ReplyContext
from core.domain.queue import QueueKey
from core.handoff.outbox_writer import enqueue
from core.ports.handoff_rooms import LocalFile
from core.store import outbox
from core.testing.fake_handoff_rooms import FakeHandoffRooms
from core.testing.fake_screen import FakeMessage
from tests.core.handoff.conftest import LIN, Screens, desk_chat, desk_chat_message
from tests.core.handoff.test_internal_notes import album
from tests.core.handoff.test_reactions import reaction
from tests.event_builders import ANN, Chat, direct_chat, picture, slack_channel

pytestmark = pytest.mark.virtual_time

NAMES = ("1.jpg", "2.jpg", "3.jpg")
PDF = Attachment(
    kind=AttachmentKind.FILE, name="a.pdf", media_type="application/pdf", size_bytes=3, source={}
)


@pytest.fixture
async def thread(screens: Screens) -> str:
    """The thread of a ticket; three pictures and a document exist."""
    screens.files |= {name: name.encode() for name in (*NAMES, "a.pdf")}
    screens.model.replies = ["A summary."]
    await screens.ingest(direct_chat().message("I want to talk to a human"))
    return await screens.ticket_thread()


def customers_album(captions: Sequence[str]) -> list[MessageReceived]:
    """Return the messages of a Telegram customer's album."""
    chat = direct_chat()
    return [
        replace(
            chat.message(caption, attachments=(picture(name),)),
            message_id=f"7{name[0]}",
            delivery_id=f"message:1:7{name[0]}",
            media_group_id="1:album",
            can_be_copied=True,
        )
        for caption, name in zip(captions, NAMES, strict=True)
    ]


def staffs_files(thread: str, text: str, *more: Attachment) -> MessageReceived:
    """Return a Slack message of the team with three pictures and more files."""
    return desk_chat_message(thread, text, LIN, attachments=(*(picture(name) for name in NAMES), *more))


def with_files(shown: Sequence[FakeMessage]) -> list[tuple[str, list[str]]]:
    """Return text and files of the messages with files."""
    return [(one.text, [file.decode() for file in one.files]) for one in shown if one.files]


def at_desk(screens: Screens) -> list[tuple[str, list[str]]]:
    """Return what the desk sees of files."""
    return with_files(list(screens.slack.screen.messages.values()))


def at_customer(screens: Screens) -> list[tuple[str, list[str]]]:
    """Return what the customer sees of files."""
    return with_files(list(screens.telegram.screen.messages.values()))


async def test_an_album_is_one_message_with_its_caption(screens: Screens, thread: str) -> None:
    """The parts come one by one; Slack shows them in one message, on whichever the caption is."""
    for part in customers_album(["", "look", ""]):
        await screens.ingest(part)
        await screens.clock.sleep(0.4)
    await screens.settle()
    assert at_desk(screens) == [("**Ann:** look", [*NAMES])]
    assert screens.slack.screen.texts.count("**Ann:** look") == 1
    assert all(one.refs for one in await screens.items() if one.source.message_id.startswith("7"))


async def test_kinds_that_stand_apart_are_shown_apart(screens: Screens, thread: str) -> None:
    """Telegram mixes no documents with pictures; the words are at the first of the two albums."""
    await screens.ingest(staffs_files(thread, "These", PDF))
    await screens.settle()
    assert screens.topics.sent_files == [NAMES, ("a.pdf",)]
    assert at_customer(screens) == [
        ("**Lin:** These", ["1.jpg"]),
        ("", ["2.jpg"]),
        ("", ["3.jpg"]),
        ("", ["a.pdf"]),
    ]


async def test_words_too_long_for_a_caption_stand_above(screens: Screens, thread: str) -> None:
    """Nothing is cut."""
    await screens.ingest(staffs_files(thread, "long " * 300))
    await screens.settle()
    words = f"**Lin:** {'long ' * 300}".strip()
    assert screens.telegram.screen.texts[-4:] == [words, "", "", ""]
    assert screens.topics.sent_files == [NAMES]


async def test_captions_of_several_parts_stand_above(screens: Screens, thread: str) -> None:
    """One caption would be taken for the words of all parts."""
    for part in customers_album(["front", "", "back"]):
        await screens.ingest(part)
    await screens.settle()
    assert at_desk(screens) == [("", [*NAMES])]
    assert {"**Ann:** front", "**Ann:** back"} <= set(screens.slack.screen.texts)


async def test_an_album_that_asks_for_a_person_is_whole_at_the_desk(screens: Screens) -> None:
    """Its first part begins the handoff; the picture of that is not lost for its words."""
    screens.files |= {name: name.encode() for name in NAMES}
    screens.model.replies = ["A summary."]
    for part in customers_album(["I want to talk to a human", "", ""]):
        await screens.ingest(part)
    await screens.settle()
    assert at_desk(screens) == [("", [*NAMES])]
    assert "I want to talk to a human" in screens.slack.screen.texts[0]


async def test_the_desk_sees_the_files_that_the_ticket_names(screens: Screens) -> None:
    """What the customer had shown to the bot before is below the ticket, once."""
    screens.files |= {name: name.encode() for name in NAMES}
    screens.model.replies = ["A summary."]
    chat = direct_chat()
    await screens.ingest(chat.message("my cup is broken", attachments=(picture("1.jpg"),)))
    await screens.ingest(chat.message("I want to talk to a human", attachments=(picture("2.jpg"),)))
    await screens.ingest(chat.message("and this", attachments=(picture("3.jpg"),)))
    await screens.settle()
    assert at_desk(screens) == [("", [name]) for name in NAMES]
    assert "[attached: 1.jpg]" in screens.slack.screen.texts[0]


async def test_a_forwarded_album_names_its_origin_once(screens: Screens, thread: str) -> None:
    """Telegram forwards each part with the origin, which is in the caption of the whole."""
    for part in customers_album(["look", "", ""]):
        await screens.ingest(replace(part, forwarded_from=ForwardOrigin(author="Bob")))
    await screens.settle()
    assert at_desk(screens) == [("**Ann:**\n\nForwarded from Bob:\n\nlook", [*NAMES])]


async def test_a_file_that_cannot_be_had_is_named_and_the_rest_is_one(screens: Screens, thread: str) -> None:
    """The desk learns which part is missing."""
    del screens.files["2.jpg"]
    for part in customers_album(["look", "", ""]):
        await screens.ingest(part)
    await screens.settle()
    assert at_desk(screens) == [("**Ann:** look", ["1.jpg", "3.jpg"])]
    assert [text for text in screens.slack.screen.texts if "“2.jpg” could not be passed on" in text]


async def test_a_file_that_the_platform_refuses_does_not_hold_the_others(
    screens: Screens, thread: str
) -> None:
    """A refused album is sent part by part, its words first; the desk is told once."""
    screens.topics.broken_files.add(b"2.jpg")
    await screens.ingest(staffs_files(thread, "These"))
    await screens.settle()
    assert "**Lin:** These" in screens.telegram.screen.texts
    assert at_customer(screens) == [("", ["1.jpg"]), ("", ["3.jpg"])]
    assert len([text for text in screens.slack.screen.texts if "did not get" in text]) == 1


async def test_a_customer_out_of_reach_is_reported_once(screens: Screens, thread: str) -> None:
    """Not once for each part."""
    screens.telegram.failures.forbidden.add("1")
    await screens.ingest(staffs_files(thread, "These"))
    await screens.settle()
    assert len([text for text in screens.slack.screen.texts if "did not get" in text]) == 1


async def test_an_album_moves_to_the_new_thread_as_one(screens: Screens, thread: str) -> None:
    """The thread was deleted meanwhile: a new ticket, and the album below it."""
    screens.slack.fail_next(ThreadClosed("deleted"))
    for part in customers_album(["look", "", ""]):
        await screens.ingest(part)
    await screens.settle()
    assert (await screens.handoff()).desk_thread != thread
    assert at_desk(screens) == [("**Ann:** look", [*NAMES])]


async def test_an_album_that_no_worker_finished_is_sent_once(screens: Screens, thread: str) -> None:
    """The former worker died after it had claimed the album, and before it sent anything."""
    runner, screens.runner = screens.runner, _nobody
    for part in customers_album(["look", "", ""]):
        await screens.ingest(part)
    async with screens.database.begin() as tx:
        for item in await screens.items():
            if item.state is OutboxState.OPEN:
                await outbox.claim(tx, item)
    screens.runner = runner
    await screens.work_queue.resume()
    await screens.settle()
    assert at_desk(screens) == [("**Ann:** look", [*NAMES])]


async def _nobody(queue_key: QueueKey) -> bool:
    """Take no work: the process is dead."""
    return False


@pytest.mark.parametrize("lost", ["reply", "process"])
async def test_on_slack_an_album_that_may_be_shown_is_looked_for(
    screens: Screens, thread: str, lost: str
) -> None:
    """Whether the reply was lost or the process that would have stored it: nothing is shown twice."""
    runner = screens.runner
    if lost == "reply":
        screens.slack.failures.lost_replies += 1
    else:
        screens.runner = _nobody
    for part in customers_album(["look", "", ""]):
        await screens.ingest(part)
    if lost == "process":
        async with screens.database.begin() as tx:
            for item in await screens.items():
                if item.state is OutboxState.OPEN:
                    await outbox.claim(tx, item)
        contents = tuple(screens.files[name] for name in NAMES)
        screens.slack.screen.post(
            FakeMessage(
                channel="C9",
                message_id="",
                text="**Ann:** look",
                idempotency_key="",
                thread=thread,
                files=contents,
            )
        )
        screens.runner = runner
        await screens.work_queue.resume()
    await screens.settle()
    assert at_desk(screens) == [("**Ann:** look", [*NAMES])]
    assert all(one.refs for one in await screens.items() if one.source.message_id.startswith("7"))


class GatedRooms(FakeHandoffRooms):
    """Rooms that show files once a test permits it."""

    def gate(self) -> None:
        """Close the gate."""
        self.waiting, self.open = asyncio.Event(), asyncio.Event()
        self.free_calls = 0

    async def send_files(
        self, address: Address, files: Sequence[LocalFile], *, caption: str
    ) -> Sequence[MessageRef]:
        """Wait for the gate, but for the first calls that are free."""
        if self.free_calls:
            self.free_calls -= 1
        else:
            self.waiting.set()
            await self.open.wait()
        return await super().send_files(address, files, caption=caption)


def gated(screens: Screens) -> GatedRooms:
    """Give the customers' platform a gate."""
    rooms = GatedRooms(screens.telegram, platform="telegram")
    rooms.gate()
    screens.platforms = replace(screens.platforms, rooms={**screens.platforms.rooms, "telegram": rooms})
    screens.runner = screens.new_runner()
    return rooms


async def test_what_is_shown_is_stored_with_all_of_its_parts(screens: Screens, thread: str) -> None:
    """A crash behind the first of two albums repeats nothing of it: none of its rows is open."""
    rooms = gated(screens)
    rooms.free_calls = 1
    await screens.ingest(staffs_files(thread, "These", PDF))
    await rooms.waiting.wait()
    states = [(one.state, len(one.refs)) for one in await screens.items() if one.source.message_id]
    rooms.open.set()
    await screens.settle()
    assert states == [(OutboxState.DONE, 1)] * 4 + [(OutboxState.OPEN, 0)]


async def test_a_note_while_the_album_is_sent_takes_it_back(screens: Screens, thread: str) -> None:
    """None of its parts is beyond recall because its turn had not come."""
    rooms, said = gated(screens), staffs_files(thread, "These")
    await screens.ingest(said)
    await rooms.waiting.wait()
    await screens.ingest(slack_channel().edit(said, "// These"))
    rooms.open.set()
    await screens.settle()
    assert at_customer(screens) == []


async def test_a_caption_follows_the_edits_of_its_message(screens: Screens, thread: str) -> None:
    """One that grows too long becomes a message of its own, and is edited as such from then on."""
    desk, said = slack_channel(), staffs_files(thread, "These")
    await screens.ingest(said)
    await screens.settle()
    await screens.ingest(desk.edit(said, "Those"))
    await screens.settle()
    assert at_customer(screens)[0] == ("**Lin:** Those", ["1.jpg"])

    await screens.ingest(desk.edit(said, "long " * 300))
    await screens.ingest(desk.edit(said, "short"))
    await screens.settle()
    last = list(screens.telegram.screen.messages.values())[-1]
    assert (last.text, last.files) == ("**Lin:** short", ())


async def test_an_edit_into_a_note_takes_all_parts_back(screens: Screens, thread: str) -> None:
    """Pictures, documents and words."""
    said = staffs_files(thread, "These", PDF)
    await screens.ingest(said)
    await screens.settle()
    await screens.ingest(slack_channel().edit(said, "// These"))
    await screens.settle()
    assert at_customer(screens) == []


async def test_replies_and_reactions_find_the_album(screens: Screens, thread: str) -> None:
    """One message at the desk stands for all parts: its reaction is at the first, its words are quoted."""
    for part in customers_album(["look", "", ""]):
        await screens.ingest(part)
    await screens.settle()
    shown = next(one for one in screens.slack.screen.messages.values() if one.files)
    await screens.ingest(reaction(desk_chat(), shown.message_id, LIN, added=("👍",)))
    quoted = ReplyContext(message_id="71", author="Ann", text="", by_bot=False)
    answer = direct_chat().message("this one", author=ANN, quoted=quoted)
    await screens.ingest(replace(answer, message_id="79", delivery_id="message:1:79"))
    await screens.settle()
    assert screens.topics.reactions == {"71": ["👍"]}
    assert screens.slack.screen.texts[-1] == "> **Ann:** look\n\n**Ann:** this one"


async def test_a_customers_reaction_to_any_part_reaches_the_message(screens: Screens, thread: str) -> None:
    """The team sent one message; the customer has three."""
    said = staffs_files(thread, "These")
    await screens.ingest(said)
    await screens.settle()
    *_, last = screens.telegram.screen.messages.values()
    await screens.ingest(reaction(Chat(channel="1"), last.message_id, ANN, added=("👍",)))
    await screens.settle()
    rooms = screens.platforms.rooms["slack"]
    assert isinstance(rooms, FakeHandoffRooms)
    assert rooms.reactions == {said.message_id: ["👍"]}


async def test_a_single_file_keeps_its_words_above(screens: Screens, thread: str) -> None:
    """Only files that were sent together are one message with their words."""
    await screens.ingest(desk_chat_message(thread, "This", LIN, attachments=(picture("1.jpg"),)))
    await screens.settle()
    assert at_customer(screens) == [("", ["1.jpg"])]
    copies = [one for one in await screens.items() if one.kind is OutboxKind.TEXT and one.source.message_id]
    assert not any(one.content.is_caption for one in copies)


async def test_a_late_edit_into_a_note_finds_the_album(screens: Screens, thread: str) -> None:
    """However much was written since, all of it is taken back."""
    parts = album(thread, ["These", "", ""])
    for part in parts:
        await screens.ingest(part)
    await screens.settle()
    screens.runner = _nobody
    handoff = await screens.handoff()
    async with screens.database.begin() as tx:
        for _ in range(120):
            await enqueue(tx, handoff, 1, OutboxKind.REACTION, OutboxSide.CUSTOMER)
    await screens.ingest(slack_channel().edit(parts[1], "// These"))
    items = await screens.items()
    deleted = {one.content.of for one in items if one.kind is OutboxKind.DELETE}
    assert deleted == {
        one.id for one in items if one.source.message_id in {part.message_id for part in parts}
    }
