"""The fuzz targets: each parser with the input that it gets, and the errors that its callers expect."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from telegram import Bot

from bots.slack.events import MalformedEvent
from bots.slack.events import parse_event as parse_slack_event
from bots.slack.people import BotIdentity as SlackIdentity
from bots.slack.people import KnownNames
from bots.slack.references import references_of
from bots.telegram.events import parse_events
from bots.telegram.people import BotIdentity as TelegramIdentity
from bots.telegram.tolerant_parsing import parse_update
from core.domain.buttons import encode_button, parse_button_data
from core.domain.message_content import Attachment, AttachmentKind
from core.files.extract import inspect_file, read_text
from core.files.file_policy import UnusableFile
from core.files.formats import detect_format
from core.files.sound_length import measure_sound_s
from core.kimi.json_decoding import decode_fragment, decode_json
from tests.fuzz.server_targets import SERVER_TARGETS
from tests.hostile_parsers import FILE_PARSERS, MARKDOWN_PARSERS, PIECES, RENDERERS, TEXT_PARSERS

Target: TypeAlias = Callable[[Any], object]

_NOW: Final = datetime(2026, 11, 24, tzinfo=UTC)
_SLACK: Final = SlackIdentity(team_id="T1", user_id="UBOT", bot_id="BBOT", name="kimi")
_TELEGRAM: Final = TelegramIdentity(id=42, username="moon_bot")
_BOT: Final = Bot("4242:AAF-hostile-hostile-hostile-hostile-xyz")

# -- input -------------------------------------------------------------------------------------------

_words: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
_repeated: Final = st.builds(lambda piece, times: piece * times, st.sampled_from(PIECES), st.integers(1, 400))
#: Texts of hostile pieces, once or many times, and of any characters.
TEXTS: Final = st.lists(st.one_of(st.sampled_from(PIECES), _repeated, _words), max_size=30).map("".join)

_scalars: Final = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20))


def _json(keys: tuple[str, ...]) -> SearchStrategy[object]:
    """Return JSON values whose objects have some of these keys, so that parsers look further into them."""
    return st.recursive(
        st.one_of(_scalars, TEXTS, st.sampled_from(keys)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.one_of(st.sampled_from(keys), st.text(max_size=5)), inner, max_size=8),
        ),
        max_leaves=40,
    )


_SLACK_KEYS: Final = (
    *("type", "event", "subtype", "message", "previous_message", "user", "text", "ts", "thread_ts"),
    *("channel", "channel_type", "blocks", "elements", "attachments", "files", "bot_id", "team"),
    *("team_id", "user_id", "actions", "action_id", "value", "container", "message_ts", "channel_id"),
    *("fields", "style", "url", "name", "app_mention", "rich_text", "rich_text_section", "file_share"),
    *("rich_text_list", "message_changed", "block_actions", "command", "/kimi", "moonthread_choice_0"),
    *("id", "url_private", "mimetype", "size"),
)
_TELEGRAM_KEYS: Final = (
    *("update_id", "message", "edited_message", "callback_query", "my_chat_member", "chat_member", "from"),
    *("chat", "id", "type", "text", "caption", "entities", "offset", "length", "reply_to_message", "date"),
    *("message_id", "is_bot", "first_name", "data", "photo", "document", "sticker", "quote", "position"),
    *("external_reply", "origin", "forward_origin", "poll", "location", "contact", "is_topic_message"),
    *("message_thread_id", "supergroup", "private", "mention", "text_link", "url", "new_chat_members"),
)
_SLACK_BODIES: Final = st.dictionaries(st.sampled_from(_SLACK_KEYS), _json(_SLACK_KEYS), max_size=8)
_MESSAGE: Final = st.fixed_dictionaries(
    {
        "message_id": st.just(1),
        "date": st.just(0),
        "chat": st.just({"id": -5, "type": "supergroup", "title": "t"}),
        "from": st.just({"id": 7, "is_bot": False, "first_name": "A"}),
    },
    optional={
        key: _json(_TELEGRAM_KEYS)
        for key in _TELEGRAM_KEYS
        if key not in ("message_id", "date", "chat", "from")
    },
)
_UPDATES: Final = st.one_of(
    st.dictionaries(st.sampled_from(_TELEGRAM_KEYS), _json(_TELEGRAM_KEYS), max_size=5),
    st.fixed_dictionaries({"update_id": st.just(1), "message": _MESSAGE}),
    st.fixed_dictionaries({"update_id": st.just(1), "edited_message": _MESSAGE}),
)

_HEADS: Final = (
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xe0",
    b"GIF89a",
    b"RIFF\0\0\0\0WEBP",
    b"RIFF\0\0\0\0WAVEfmt ",
    b"OggS\0\2",
    b"\0\0\0\x18ftypM4A \0\0\0\0\0\0\0\0\0\0\0\0moov\0\0\0\x20mvhd",
    b"\0\0\0\x18ftypmp42",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"",
)
_BYTES: Final = st.builds(
    lambda head, parts: head + b"".join(parts),
    st.sampled_from(_HEADS),
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([*_HEADS, b"PK\x01\x02" + bytes(42), b"/Encrypt", b"EncryptedPackage"]),
        ),
        max_size=12,
    ),
)


_RECORDINGS: Final = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([
            b"OggS", b"\x01vorbis", b"\x00\x00\x00\x0cftypM4A ", b"\x00\x00\x00\x80moov",
            b"\x00\x00\x00\x08moov", b"\x00\x00\x00\x40mvhd", b"\x00\x00\x00\x01moov", b"RIFF\0\0\0\0WAVE",
        ]),
    ),
    max_size=12,
).map(b"".join)  # fmt: skip


@st.composite
def _archives(draw: st.DrawFn) -> bytes:
    """Return a ZIP archive of few members whose bytes are partly changed."""
    stream = io.BytesIO()
    known = ("word/document.xml", "[Content_Types].xml", "xl/workbook.xml", "../x", "a" * 300, "x")
    names = st.sampled_from(known)
    with zipfile.ZipFile(stream, "w") as archive:
        for name in draw(st.lists(names, max_size=4, unique=True)):
            archive.writestr(name, draw(st.binary(max_size=50)))
    data = bytearray(stream.getvalue())
    for _ in range(draw(st.integers(0, 8))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data)


# -- targets -----------------------------------------------------------------------------------------


def _inspect(extension: str, kind: AttachmentKind = AttachmentKind.FILE) -> Target:
    """Return a target that inspects bytes as a file with this extension."""

    def target(data: bytes) -> object:
        with tempfile.NamedTemporaryFile(suffix=f".{extension}") as file:
            file.write(data)
            file.flush()
            path = Path(file.name)
            name, size = f"a.{extension}", len(data)
            attachment = Attachment(kind=kind, name=name, media_type="", size_bytes=size, source={})
            detect_format(data[:64])
            try:
                inspect_file(path, attachment)
                return read_text(path)
            except UnusableFile:
                return None

    return target


def _sound_length(data: bytes) -> object:
    """Measure bytes as a recording; its length is never negative or infinite."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        seconds = measure_sound_s(Path(file.name))
    assert 0 <= seconds <= len(data)
    return seconds


def _button_data(data: str) -> object:
    """Parse a button's data; what is understood is what would be written."""
    action = parse_button_data(data)
    assert action is None or parse_button_data(encode_button(action)) == action
    return action


def _json_body(data: bytes) -> object:
    for decode in (decode_json, decode_fragment):
        try:
            decode(data)
        except ValueError:
            continue
    return None


def _slack_event(body: dict[str, Any]) -> object:
    references_of(body)
    try:
        return parse_slack_event(body, _SLACK, KnownNames(), received_at=_NOW)
    except MalformedEvent:
        return None


def _telegram_update(raw: dict[str, Any]) -> object:
    """Parse an update; the adapter stores one as unparsed for which the library or we raise anything."""
    try:
        return parse_events(parse_update(raw, _BOT), _TELEGRAM, received_at=_NOW)
    except Exception:  # noqa: BLE001  as the adapter does
        return None


TARGETS: Final[Mapping[str, tuple[Target, SearchStrategy[Any]]]] = MappingProxyType(
    {
        **{
            name: (parse, TEXTS)
            for parsers in (TEXT_PARSERS, MARKDOWN_PARSERS, RENDERERS, FILE_PARSERS)
            for name, parse in parsers.items()
        },
        "button data": (_button_data, st.one_of(TEXTS, st.from_regex(r"(run|forget|rate|send):.{0,60}"))),
        "json of a body": (_json_body, st.one_of(st.binary(max_size=300), TEXTS.map(str.encode))),
        "slack body": (_slack_event, _SLACK_BODIES),
        "telegram raw update": (_telegram_update, _UPDATES),
        **{
            f"{extension} file": (_inspect(extension), st.one_of(_BYTES, _archives()))
            for extension in ("pdf", "docx", "xlsx", "txt", "csv", "html", "png", "mp4")
        },
        "recording": (_inspect("ogg", AttachmentKind.AUDIO), _BYTES),
        "sound length": (_sound_length, st.one_of(_BYTES, _RECORDINGS)),
        **SERVER_TARGETS,
    }
)
