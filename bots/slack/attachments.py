"""Files of a Slack message, as attachments. Pure.

Source: https://docs.slack.dev/reference/objects/file-object
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from bots.slack.rich_text import mappings
from core.domain.message_content import Attachment, AttachmentKind, UnsupportedContent

File: TypeAlias = Mapping[str, Any]

UNAVAILABLE_MODES = frozenset({"tombstone", "hidden_by_limit"})
"""Modes of files that can no longer be downloaded."""

CANVAS_MEDIA_TYPE = "application/vnd.slack-docs"
CANVAS_FILE_TYPES = frozenset({"quip", "canvas"})

_KINDS = {"image": AttachmentKind.PICTURE, "video": AttachmentKind.VIDEO}


def attachments_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the files of a message; () if all of them are voice messages (see :func:`recordings_of`)."""
    files = _files(message)
    if all(_is_voice(file) for file in files):
        return ()
    return tuple(_attachment(file) for file in files)


def unsupported_files(message: Mapping[str, Any]) -> tuple[UnsupportedContent, ...]:
    """Return what of a message's files cannot be read: voice messages, if there is no other file."""
    files = _files(message)
    return (UnsupportedContent.VOICE,) if files and all(_is_voice(file) for file in files) else ()


def recordings_of(message: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the voice messages of a message, if it has no other files; the bot does not read them."""
    files = _files(message)
    if not all(_is_voice(file) for file in files):
        return ()
    return tuple(_attachment(file) for file in files)


def _files(event: Mapping[str, Any]) -> list[File]:
    return list(mappings(event.get("files")))


def _is_voice(file: File) -> bool:
    return "audio" in str(file.get("mimetype") or "") or file.get("subtype") == "slack_audio"


def _attachment(file: File) -> Attachment:
    media_type = str(file.get("mimetype") or "")
    size = file.get("size")
    name = str(file.get("name") or file.get("title") or "")
    if media_type == CANVAS_MEDIA_TYPE or file.get("filetype") in CANVAS_FILE_TYPES:
        media_type, name = "text/html", f"{name or 'canvas'}.html"  # ``url_private`` gives a canvas as HTML
    kind = _KINDS.get(media_type.partition("/")[0], AttachmentKind.FILE)
    if _is_voice(file):
        kind = AttachmentKind.AUDIO  # a clip of sound alone may be labelled "video/mp4"
    elif file.get("subtype") == "slack_video":
        kind = AttachmentKind.CLIP
    return Attachment(
        kind=kind,
        name=name,
        media_type=media_type,
        size_bytes=size if isinstance(size, int) else 0,
        source=_source(file),
        unique_id=str(file.get("id") or ""),
    )


def _source(file: File) -> dict[str, str]:
    source = {"id": str(file.get("id") or "")}
    if file.get("mode") in UNAVAILABLE_MODES:
        return source | {"gone": "yes"}
    if file.get("mode") == "external" or file.get("is_external"):
        return source | {"external": "yes"}  # its URL leads to another service's login
    url = file.get("url_private_download") or file.get("url_private")
    return source | ({"url": url} if isinstance(url, str) else {})
