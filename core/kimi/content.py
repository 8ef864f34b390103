"""The content of one message (text, pictures, videos) and its JSON form."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class TextPart:
    """Text beside a picture or a video."""

    text: str  #: not empty: Kimi refuses an empty part


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture, for models with image input."""

    url: str  #: ``data:image/…;base64,…`` or ``ms://<file id>``; web addresses are refused


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A video, for models with video input."""

    url: str  #: ``data:video/…;base64,…`` or ``ms://<file id>``


ContentPart: TypeAlias = TextPart | ImagePart | VideoPart
MessageContent: TypeAlias = str | tuple[ContentPart, ...]


def text_of(content: MessageContent) -> str:
    """Return the text of a message without its media."""
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def count_media(content: MessageContent) -> int:
    """Return the number of pictures and videos in a message."""
    return 0 if isinstance(content, str) else sum(not isinstance(part, TextPart) for part in content)


def wire_content(content: MessageContent) -> str | list[dict[str, Any]]:
    """Return the ``content`` member of a message; a plain string if there are no media.

    Models without image input refuse a list of parts.
    """
    if isinstance(content, str):
        return content
    if not count_media(content):
        return text_of(content)
    return [_wire_part(part) for part in content]


def _wire_part(part: ContentPart) -> dict[str, Any]:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImagePart(url=url):
            return {"type": "image_url", "image_url": {"url": url}}
        case VideoPart(url=url):
            return {"type": "video_url", "video_url": {"url": url}}
