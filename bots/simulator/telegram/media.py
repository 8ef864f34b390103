"""The Bot API's objects for what is not text. Pure."""

from typing import Any, Literal, TypeAlias

MediaKind: TypeAlias = Literal[
    "sticker", "voice", "photo", "document", "video", "audio", "video_note", "live_photo"
]


def media_json(
    kind: MediaKind, file_id: str, size_bytes: int, *, name: str = "notes.txt", mime_type: str = "text/plain"
) -> dict[str, Any]:
    """Return the fields that a message with one such file carries; only documents have a name."""
    file = {"file_id": file_id, "file_unique_id": f"u-{file_id}", "file_size": size_bytes}
    match kind:
        case "photo":
            sizes = ((90, "s"), (1280, ""))
            return {
                "photo": [
                    file | {"file_id": file_id + mark, "width": side, "height": side} for side, mark in sizes
                ]
            }
        case "live_photo":  # Telegram sends the still picture beside it
            still = media_json("photo", f"{file_id}-still", size_bytes)
            return still | {"live_photo": file | {"width": 640, "height": 480, "duration": 3}}
        case "sticker":
            shape = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
            return {"sticker": file | shape | {"emoji": "🌙"}}
        case "voice":
            return {"voice": file | {"duration": 3, "mime_type": "audio/ogg"}}
        case "document":
            return {"document": file | {"file_name": name, "mime_type": mime_type}}
        case "video":
            return {"video": file | {"width": 640, "height": 360, "duration": 3}}
        case "audio":
            return {"audio": file | {"duration": 3}}
        case "video_note":
            return {"video_note": file | {"length": 240, "duration": 3}}
