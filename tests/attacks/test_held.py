"""Attacks that never worked, and that no other test tries."""

import random
import string
from typing import Any

import pytest

from core.domain.errors import SettingsError
from core.domain.file_states import ContentState, FileState, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.kimi import KimiError, KimiStreamInterrupted
from core.kimi.reply_decoder import StreamDecoder
from core.knowledge.lexical_query import parse_lexical_query
from core.settings import load
from core.store import Database, conversations, file_blobs, files
from core.store.file_blobs import FileContent
from tests.event_builders import ANN, BOB, direct_chat

MARKS = "\"'()*:^~+-{}[]\\%_;,.!?<>=&|/#@$\0\n\t "
WORDS = ("OR", "AND", "NOT", "NEAR", "NULL", "price", "退款", "政策", "x" * 300, "é", "🙂")


def test_words_of_a_search_are_letters_and_digits_only() -> None:
    """No operator, quote or wildcard of a database's full-text search survives."""
    chance = random.Random(7)  # noqa: S311 - no secret hangs on it
    for _ in range(2_000):
        text = "".join(chance.choice((chance.choice(WORDS), chance.choice(MARKS))) for _ in range(20))
        query = parse_lexical_query(text)
        terms = "".join(word.term for word in query.words)
        assert not set(terms) & set(string.punctuation + string.whitespace + "\0"), text


@pytest.mark.parametrize(
    "admins", ["42", "@name", "*", "telegram:", "telegram", "Telegram:42", "slack:U1;DROP:x"]
)
def test_admins_are_named_by_platform_and_id(admins: str) -> None:
    """A name, a pattern or a bare number makes nobody an admin: the start is refused."""
    with pytest.raises(SettingsError, match="MOONTHREAD_ADMINS"):
        load(environ={"MOONTHREAD_ADMINS": admins}, required=[])


@pytest.mark.virtual_time
async def test_a_persons_files_are_found_for_that_person_only(virtual_database: Database) -> None:
    """A reference looks among them: not in those of another person, team, bot or platform."""
    chat = direct_chat()
    attachment = Attachment(
        kind=AttachmentKind.FILE,
        name="report.pdf",
        media_type="application/pdf",
        size_bytes=1,
        source={"file_id": "F1"},
    )
    async with virtual_database.begin() as tx:
        conversation = await conversations.get_or_create(tx, chat.key(), chat.chat_type)
        await files.add(
            tx, conversation_id=conversation.id, seq=1, author_id=ANN.id, attachments=[attachment]
        )
        for file in await files.load(tx, conversation.id, after_seq=0, up_to_seq=9):
            await files.set_state(tx, file.id, state=FileState.READY, hash_="h")
        content = FileContent(
            hash="h",
            file_type=FileType.DOCUMENT,
            media_type="a/b",
            size_bytes=1,
            state=ContentState.READY,
            tokens=1,
        )
        await file_blobs.save_content(tx, content, text="t")
    key = chat.key()

    async def found(platform: str, tenant: str, author_id: str) -> int:
        async with virtual_database.read() as tx:
            return len(
                await files.load_by_author(tx, platform=platform, tenant=tenant, author_id=author_id, limit=9)
            )

    assert await found(key.platform, key.tenant, ANN.id) == 1
    assert await found(key.platform, key.tenant, BOB.id) == 0
    assert await found(key.platform, "another bot", ANN.id) == 0
    assert await found("slack", key.tenant, ANN.id) == 0


def delta(content: str) -> bytes:
    """One event of a stream whose delta is this JSON."""
    return b'data: {"choices":[{"delta":' + content.encode() + b"}]}\n\n"


@pytest.mark.parametrize(
    "hostile",
    [
        pytest.param(delta("[" * 200_000), id="depth"),
        pytest.param(delta('{"tool_calls":[' + ",".join(['{"index":1}'] * 20_000) + "]}"), id="20,000 calls"),
        pytest.param(delta('{"tool_calls":[{"index":1000000000,"function":{"name":"a"}}]}'), id="index"),
        pytest.param(delta('{"content":7,"reasoning_content":[1],"tool_calls":{"a":1}}'), id="wrong types"),
        pytest.param(
            delta('{"tool_calls":[{"function":[]},7,null,{"function":{"arguments":7}}]}'), id="no calls"
        ),
        pytest.param(b'data: {"choices":{"a":1},"usage":[1]}\n\n', id="choices"),
        pytest.param(b": " + b"comment" * 100_000 + b"\n\n", id="comment"),
        pytest.param(b'data: {"choices":[{"delta":{},"finish_reason":{"a":1}}]}\n\n', id="reason"),
    ],
)
def test_what_no_host_sends_ends_in_an_error_of_ours_or_in_nothing(hostile: bytes) -> None:
    """Depth, numbers and types of any kind are read, skipped, or an error that people are told of."""
    decoder = StreamDecoder(request_id="", secrets=())
    try:
        events: list[Any] = [*decoder.feed(delta('{"content":"a"}')), *decoder.feed(hostile)]
    except KimiError as error:
        assert isinstance(error, KimiStreamInterrupted)  # noqa: PT017
    else:
        assert events[0].text == "a"
