"""What one message says: words, pictures, videos, and their form on the wire."""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class TextPart:
    """Words beside a picture or a video."""

    text: str  #: never empty: Kimi refuses an empty part


@dataclass(frozen=True, slots=True)
class ImagePart:
    """A picture, for models that see."""

    url: str  #: ``data:image/…;base64,…`` or ``ms://<file id>``; addresses of the web are refused


@dataclass(frozen=True, slots=True)
class VideoPart:
    """A video, for models that take it."""

    url: str  #: ``data:video/…;base64,…`` or ``ms://<file id>``


ContentPart: TypeAlias = TextPart | ImagePart | VideoPart
MessageContent: TypeAlias = str | tuple[ContentPart, ...]


def text_of(content: MessageContent) -> str:
    """Return the words of a message without what can only be seen."""
    if isinstance(content, str):
        return content
    return "\n".join(part.text for part in content if isinstance(part, TextPart))


def count_media(content: MessageContent) -> int:
    """Return how many pictures and videos a message carries."""
    return 0 if isinstance(content, str) else sum(not isinstance(part, TextPart) for part in content)


def wire_content(content: MessageContent) -> str | list[dict[str, Any]]:
    """Return the ``content`` of a message; a plain string where there are only words.

    Models that do not see refuse a list of parts, so words alone are never sent as one.
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
