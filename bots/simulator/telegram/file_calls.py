"""``sendPhoto``, ``sendMediaGroup``, ``copyMessage`` and the like: files that a bot uploads or copies.

Limits: core.telegram.org/bots/api#sending-files and #sendmediagroup; texts of refusals:
tdlib/telegram-bot-api.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from bots.simulator.telegram import entities as words
from bots.simulator.telegram.calls import ChatCalls, words_of
from bots.simulator.telegram.chats import Bot, Chat, Message, World
from bots.simulator.telegram.errors import ApiError, bad_request
from bots.simulator.telegram.media import MediaKind, media_json
from bots.simulator.telegram.params import Params, chat_id_of

NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
PHOTO_LIMIT_BYTES = 10_000_000
UPLOAD_LIMIT_BYTES = 50_000_000
BEGINNINGS: Mapping[str, tuple[bytes, ...]] = {
    "photo": (b"",),
    "document": (b"",),
    "voice": (b"OggS", b"ID3", b"\xff\xfb", b"ftyp"),
    "audio": (b"ID3", b"\xff\xfb", b"ftyp"),
    "video": (b"ftyp",),
}
"""How files begin, from the first byte or the fifth, that are shown as what they were sent as."""
PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")
"""How the pictures begin that Telegram can decode."""


class FileCalls:
    """Uploads, on one world."""

    def __init__(self, world: World, chat: ChatCalls) -> None:
        self._world, self._chat = world, chat

    def methods(self) -> dict[str, Callable[[Bot, Params], Any]]:
        """Return the methods by their lower-case names."""
        return {
            "sendphoto": self.send_photo,
            "senddocument": self.send_document,
            "sendvoice": self.send_voice,
            "sendaudio": self.send_audio,
            "sendvideo": self.send_video,
            "sendmediagroup": self.send_media_group,
            "editmessagecaption": self.edit_message_caption,
            "copymessage": self.copy_message,
            "copymessages": self.copy_messages,
        }

    def copy_messages(self, bot: Bot, params: Params) -> list[dict[str, Any]]:
        """``copyMessages``: what cannot be copied is skipped, and albums stay together."""
        ids = [int(one) for one in params.get("message_ids") or []]
        if ids != sorted(set(ids)) or not 1 <= len(ids) <= COPY_LIMIT:
            raise bad_request("message identifiers must be in a strictly increasing order")
        chat, sent = self._chat.enter(bot, params, messages=len(ids)), []
        for number in ids:
            try:
                source = copied_message(self._world, bot, params, number)
            except ApiError:
                continue
            keeps_text = not (source.media and params.get("remove_caption") in (True, "true", "True"))
            text, marks = (source.text, source.entities) if keeps_text else ("", ())
            media = dict(copied_media(source))
            if group := source.media.get("media_group_id"):
                media["media_group_id"] = f"copy-{group}"
            posted = self._chat.post(bot, chat, params, text=text, entities=marks, media=media)
            sent.append({"message_id": posted["message_id"]})
        return sent

    def copy_message(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``copyMessage``; the reply is a ``MessageId``, not the message."""
        chat = self._chat.enter(bot, params)
        source = copied_message(self._world, bot, params, params.get("message_id"))
        text, marks = (
            (source.text, source.entities)
            if "caption" not in params or not source.media
            else (words_of(params, "caption", "caption_entities"))
        )
        media = copied_media(source)
        sent = self._chat.post(bot, chat, params, text=text, entities=marks, media=media)
        return {"message_id": sent["message_id"]}

    def send_photo(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``sendPhoto`` with an uploaded file and an optional caption."""
        return self._send(bot, params, "photo")

    def send_document(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``sendDocument`` with an uploaded file and an optional caption."""
        return self._send(bot, params, "document")

    def send_voice(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``sendVoice`` with an Ogg, MP3 or M4A file."""
        return self._send(bot, params, "voice")

    def send_audio(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``sendAudio`` with an MP3 or M4A file."""
        return self._send(bot, params, "audio")

    def send_video(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``sendVideo`` with an MPEG4 file."""
        return self._send(bot, params, "video")

    def send_media_group(self, bot: Bot, params: Params) -> list[dict[str, Any]]:
        """``sendMediaGroup``: 2 to 10 uploads of kinds that stand together; all of them or none."""
        items = params.get("media")
        if not isinstance(items, list) or not 2 <= len(items) <= ALBUM_LIMIT:
            raise bad_request("an album must have 2 to 10 media")
        if len({ALBUM_OF.get(str(item.get("type"))) for item in items}) > 1:
            raise bad_request("media of these types can't be mixed in an album")
        if str(items[0].get("type")) not in ALBUM_OF:
            raise bad_request("media of this type can't be in an album")
        parts = [_part_of_album(params, item) for item in items]
        if sum(len(part[part["type"]][1]) for part in parts) > UPLOAD_LIMIT_BYTES:
            raise ApiError(413, "Request Entity Too Large")
        checked = [(part, part["type"], _uploaded(part, part["type"]), _caption(part)) for part in parts]
        chat = self._chat.enter(bot, params, messages=len(parts))
        group = f"sent-{len(self._world.files) + 1}"
        return [
            self._post(bot, chat, part, kind, upload, caption, {"media_group_id": group})
            for part, kind, upload, caption in checked
        ]

    def edit_message_caption(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``editMessageCaption``; no caption takes it away."""
        chat = self._chat.enter(bot, params)
        message = self._chat.own_message(bot, chat, params)
        if not message.media:
            raise bad_request("there is no caption in the message to edit")
        text, marks = _caption(params)
        return self._chat.modify(chat, message, replace(message, text=text, entities=marks))

    def _send(self, bot: Bot, params: Params, kind: MediaKind) -> dict[str, Any]:
        chat = self._chat.enter(bot, params)
        upload, caption = _uploaded(params, kind), _caption(params)
        return self._post(bot, chat, params, kind, upload, caption)

    def _post(
        self,
        bot: Bot,
        chat: Chat,
        params: Params,
        kind: MediaKind,
        upload: tuple[str, bytes],
        caption: tuple[str, tuple[words.Entity, ...]],
        more: Mapping[str, str] = NOTHING,
    ) -> dict[str, Any]:
        """Show an upload; ``more`` is what the message carries besides."""
        (name, content), (text, marks) = upload, caption
        file_id = f"sent-{len(self._world.files) + 1}"
        if not content.startswith(BEGINNINGS[kind], 4 if content[4:8] == b"ftyp" else 0):
            kind = "document"  # what cannot be played is shown as a file
        media = media_json(kind, file_id, len(content), name=name)
        sizes = media["photo"] if kind == "photo" else [media[kind]]
        sent = self._chat.post(bot, chat, params, text=text, entities=marks, media={**media, **more})
        for size in sizes:
            self._world.files[size["file_id"]] = (f"{kind}s/{size['file_id']}/{name}", content)
        return sent


def _caption(params: Params) -> tuple[str, tuple[words.Entity, ...]]:
    """Return a caption with its entities.

    Raises:
        ApiError: it is too long.
    """
    text, marks = words_of(params, "caption", "caption_entities")
    if words.length16(text) > words.CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return text, marks


def _part_of_album(params: Params, item: Params) -> Params:
    """Return the call that would send one item of an album by itself.

    Raises:
        ApiError: its file is not in the request.
    """
    kind, name = str(item.get("type")), str(item.get("media", ""))
    file = params.get(name.removeprefix("attach://")) if name.startswith("attach://") else None
    if not isinstance(file, tuple):
        raise bad_request("wrong file identifier/HTTP URL specified")
    return {**params, **item, kind: file}


ALBUM_LIMIT = 10
ALBUM_OF: Mapping[str, str] = {
    "photo": "visual",
    "video": "visual",
    "audio": "audio",
    "document": "document",
}
"""Kinds of media that one album may hold, by the kind of each."""
COPY_LIMIT = 100
UNCOPYABLE = frozenset({"invoice", "giveaway", "giveaway_winners", "paid_media", "story", "game"})


def copied_message(world: World, bot: Bot, params: Params, message_id: object) -> Message:
    """Return the message that is to be copied.

    Raises:
        ApiError: the bot cannot see it, or Telegram copies none such.
    """
    chat = world.find(bot, chat_id_of(params, "from_chat_id"))
    source = chat.messages.get(int(str(message_id or 0)))
    if source is None:
        raise bad_request("message to copy not found")
    quiz = source.media.get("poll", {}).get("type") == "quiz"
    if source.service or quiz or UNCOPYABLE & set(source.media):
        raise bad_request("message can't be copied")
    return source


def copied_media(source: Message) -> Mapping[str, Any]:
    """Return what a copy carries; a thrown dice is thrown anew."""
    media = {name: value for name, value in source.media.items() if name != "media_group_id"}
    if "dice" in media:
        media["dice"] = {**media["dice"], "value": media["dice"]["value"] % 6 + 1}
    return media


def _uploaded(params: Params, kind: str) -> tuple[str, bytes]:
    """Return an uploaded file's name and bytes.

    Raises:
        ApiError: there is none, or Telegram takes none such.
    """
    match params.get(kind):
        case (str(name), bytes(content)):
            pass
        case _:
            raise bad_request(f"there is no {kind} in the request")
    if not content:
        raise bad_request("file must be non-empty")
    if len(content) > UPLOAD_LIMIT_BYTES:
        raise ApiError(413, "Request Entity Too Large")
    if kind == "photo" and len(content) > PHOTO_LIMIT_BYTES:
        raise bad_request("too big for a photo")
    if kind == "photo" and not content.startswith(PICTURES):
        raise bad_request("IMAGE_PROCESS_FAILED")
    return name, content
