"""Copies are found by their source, by their album, and by the message that shows them, on both databases."""

from datetime import UTC, datetime

from core.domain.addresses import Address, ChatType, Person, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.handoff_state import HandoffReason, HandoffState, OutboxKind, OutboxSide, OutboxState
from core.domain.queue import Lane
from core.handoff.outbox_writer import enqueue
from core.store import Database, Transaction, conversations, handoffs, outbox, outbox_copies
from core.store.handoffs import DeskRoom, Handoff
from core.store.outbox import OutboxContent, SourceMessage

DESK = ThreadKey(platform="telegram", tenant="bot", channel="-100", thread="7")
ALBUM, OTHER = "1:album_%1", "1:album_%12"


async def hand_over(tx: Transaction) -> tuple[Handoff, int]:
    """Hand a conversation over; return the handoff and an event."""
    key = ThreadKey(platform="telegram", tenant="bot", channel="1", thread="")
    conversation = await conversations.get_or_create(tx, key, ChatType.DIRECT)
    handoff = await handoffs.add(
        tx,
        conversation_id=conversation.id,
        state=HandoffState.STAFF,
        reason=HandoffReason.CUSTOMER,
        customer=Person(id="1"),
        language="en",
        address=Address(key=key),
        desk_room=DeskRoom(platform=DESK.platform, channel=DESK.channel),
        now=datetime(2026, 1, 1, tzinfo=UTC),
        due_at=None,
    )
    inbox_id = await outbox.add_system_event(tx, conversation, "copies", Lane.HANDOFF)
    assert inbox_id is not None
    return handoff, inbox_id


async def test_the_rows_of_an_album_are_found(database: Database) -> None:
    """An id that holds another one, or characters of patterns, is not taken for it."""
    async with database.begin() as tx:
        handoff, inbox_id = await hand_over(tx)

        async def copy(message_id: str, group: str, kind: OutboxKind = OutboxKind.FILE) -> int:
            source = SourceMessage(platform="telegram", channel="1", message_id=message_id)
            content = OutboxContent(media_group_id=group)
            return await enqueue(tx, handoff, inbox_id, kind, OutboxSide.DESK, content, source)

        text = await copy("1", ALBUM, OutboxKind.TEXT)
        first, second = await copy("1", ALBUM), await copy("2", ALBUM)
        other, alone = await copy("3", OTHER), [await copy("4", ""), await copy("4", "")]
        await copy("2", ALBUM, OutboxKind.EDIT)
        item = await outbox.get(tx, first)
        assert item is not None
        assert [one.id for one in await outbox_copies.load_album(tx, item)] == [text, first, second]
        item = await outbox.get(tx, alone[1])
        assert item is not None
        assert [one.id for one in await outbox_copies.load_album(tx, item)] == alone
        assert [one.id for one in await outbox_copies.load_media_group(tx, handoff.id, OTHER)] == [other]


async def test_a_message_that_shows_several_rows_is_the_first_one_s(database: Database) -> None:
    """In the desk's present room: another room may have used the id."""
    async with database.begin() as tx:
        handoff, inbox_id = await hand_over(tx)
        for channel in ("-99", "-100", "-100"):
            item_id = await enqueue(tx, handoff, inbox_id, OutboxKind.FILE, OutboxSide.DESK)
            item = await outbox.get(tx, item_id)
            assert item is not None
            claimed = await outbox.claim(tx, item)
            assert claimed is not None
            await outbox.save_refs(tx, claimed, [MessageRef(channel=channel, message_id="5")])
            await outbox.finish(tx, claimed, state=OutboxState.DONE)
        at_desk = await outbox_copies.find_shown_at_desk(tx, DESK, "5")
        shown = await outbox_copies.find_shown(tx, handoff.id, "5", OutboxSide.DESK)
        assert at_desk is not None
        assert shown is not None
        assert at_desk.id == shown.id == item_id - 1
        assert await outbox_copies.find_shown(tx, handoff.id, "6", OutboxSide.DESK) is None
