"""Files of a Slack message, as attachments. Pure.

Source: https://docs.slack.dev/reference/objects/file-object
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

from core.domain.message_content import Attachment, AttachmentKind, UnsupportedContent

File: TypeAlias = Mapping[str, Any]

UNAVAILABLE_MODES = frozenset({"tombstone", "hidden_by_limit"})
"""Modes of files that can no longer be downloaded."""

_KINDS = {"image": AttachmentKind.PICTURE, "video": AttachmentKind.VIDEO}


def attachments_of(event: Mapping[str, Any]) -> tuple[Attachment, ...]:
    """Return the files of the message in ``event``; () if all of them are voice messages."""
    files = _files(event)
    if all(_is_voice(file) for file in files):
        return ()
    return tuple(_attachment(file) for file in files)


def unsupported_content(event: Mapping[str, Any], text: str) -> UnsupportedContent | None:
    """Return why the message cannot be read; None if it has text or a readable file."""
    files = _files(event)
    if files:
        return UnsupportedContent.VOICE if all(_is_voice(file) for file in files) else None
    return None if text else UnsupportedContent.EMPTY


def _files(event: Mapping[str, Any]) -> list[File]:
    return [file for file in event.get("files") or () if isinstance(file, Mapping)]


def _is_voice(file: File) -> bool:
    return "audio" in str(file.get("mimetype") or "") or file.get("subtype") == "slack_audio"


def _attachment(file: File) -> Attachment:
    media_type = str(file.get("mimetype") or "")
    size = file.get("size")
    return Attachment(
        kind=_KINDS.get(media_type.partition("/")[0], AttachmentKind.FILE),
        name=str(file.get("name") or file.get("title") or ""),
        media_type=media_type,
        size_bytes=size if isinstance(size, int) else 0,
        source=_source(file),
    )


def _source(file: File) -> dict[str, str]:
    source = {"id": str(file.get("id") or "")}
    if file.get("mode") in UNAVAILABLE_MODES:
        return source | {"gone": "yes"}
    if file.get("mode") == "external" or file.get("is_external"):
        return source | {"external": "yes"}  # its URL leads to another service's login
    url = file.get("url_private_download") or file.get("url_private")
    return source | ({"url": url} if isinstance(url, str) else {})
