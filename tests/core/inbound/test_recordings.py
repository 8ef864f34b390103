"""Recordings by whether a deployment hears."""

from dataclasses import replace

from core.domain.message_content import (
    Attachment,
    AttachmentKind,
    MessageContent,
    ReplyContext,
    UnsupportedContent,
)
from core.inbound.recordings import with_recordings, with_recordings_in
from tests.event_builders import direct_chat

VOICE = Attachment(
    kind=AttachmentKind.AUDIO, name="", media_type="audio/ogg", size_bytes=5, source={"id": "v"}
)
CLIP = replace(VOICE, kind=AttachmentKind.CLIP, media_type="video/mp4")
NOTES = replace(VOICE, kind=AttachmentKind.FILE, media_type="text/plain")
STICKER = replace(VOICE, kind=AttachmentKind.STICKER)


def test_a_voice_message_is_read_where_it_is_heard() -> None:
    """Elsewhere people alone can use it."""
    said = replace(
        direct_chat().message(""), relay_files=(VOICE,), unsupported_content=UnsupportedContent.VOICE
    )
    heard = with_recordings(said, hears=True)
    assert (heard.attachments, heard.relay_files, heard.unsupported_content) == ((VOICE,), (), None)
    assert with_recordings(said, hears=False) == said


def test_a_clip_is_heard_or_watched() -> None:
    """Nothing downstream knows the kind."""
    said = replace(direct_chat().message(""), attachments=(CLIP, NOTES))
    assert [one.kind for one in with_recordings(said, hears=True).attachments] == ["audio", "file"]
    assert [one.kind for one in with_recordings(said, hears=False).attachments] == ["video", "file"]


def test_a_sticker_stays_what_it_is() -> None:
    """Hearing changes nothing for what is not heard."""
    said = replace(
        direct_chat().message(""), relay_files=(STICKER,), unsupported_content=UnsupportedContent.STICKER
    )
    assert with_recordings(said, hears=True) == said


def test_recordings_of_a_quoted_message_follow() -> None:
    """In a reply, and in what is read from a thread."""
    quoted = ReplyContext(message_id="1", attachments=(VOICE,), unsupported=(UnsupportedContent.VOICE,))
    content = MessageContent(reply=quoted, attachments=(VOICE,), unsupported=(UnsupportedContent.VOICE,))
    said = replace(direct_chat().message("who?"), quoted=quoted)
    for hears, attachments, unsupported in ((True, (VOICE,), ()), (False, (), (UnsupportedContent.VOICE,))):
        read = with_recordings_in(content, hears=hears)
        event = with_recordings(said, hears=hears)
        for one in (read, read.reply, event.quoted):
            assert one is not None
            assert (one.attachments, one.unsupported) == (attachments, unsupported)
