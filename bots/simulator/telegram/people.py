"""The human side, part three: what people say, change, take back and press."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bots.simulator.telegram.chats import (
    ANONYMOUS_ADMIN,
    CHANNEL_BOT,
    Bot,
    Chat,
    Message,
    User,
    World,
    buttons_of,
)
from bots.simulator.telegram.contents import Content
from bots.simulator.telegram.entities import CAPTION_LIMIT, TEXT_LIMIT, Entity, checked, found_in, length16
from bots.simulator.telegram.media import MediaKind, media_json
from bots.simulator.telegram.membership import Membership
from bots.simulator.telegram.wire import chat_json, message_json, user_json

TYPING_TAKES_S = 2

ANONYMOUS = User(id=ANONYMOUS_ADMIN, name="Group", username="GroupAnonymousBot", is_bot=True)
CHANNEL = User(id=CHANNEL_BOT, name="Channel", username="Channel_Bot", is_bot=True)


class People(Membership):
    """What people do in the chats of one stand-in. Each verb returns once the bots can fetch it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._numbers = itertools.count(1)
        self._last_typed: dict[tuple[int, int], int] = {}  #: date of each person's last words in a chat

    async def say(
        self,
        chat_id: int,
        person: int,
        text: str = "",
        *,
        reply_to: int | None = None,
        topic: int | None = None,
        entities: Sequence[Entity] | None = None,
        media_kind: MediaKind | None = None,
        media_group_id: str = "",
        content: bytes = b"\0",
        filename: str = "notes.txt",
        mime_type: str = "text/plain",
        as_chat: int | None = None,
        age_s: int = 0,
        at_once: bool = False,
        bot: Bot | None = None,
        other: Content | None = None,
        origin: Content | None = None,
        quote: str = "",
        across: Content | None = None,
    ) -> int:
        """Send a message as a person and return its id.

        ``entities`` None marks @mentions, /commands and addresses as clients do. With
        ``media_kind`` the text is the caption and ``content`` is what ``getFile`` leads to; a
        document also has ``filename`` and ``mime_type``.
        ``as_chat`` speaks as an anonymous admin (the group's own id) or as a channel. ``age_s``
        dates the message back. Nobody types two messages within a second: typed ones of a person are dated
        two seconds apart, unless ``at_once`` is set. ``bot`` chooses the private chat where there are
        several bots.
        ``other`` is content without words or files (:mod:`~bots.simulator.telegram.contents`), ``origin``
        makes the message a forward, ``quote`` is a part of the message that is replied to, and ``across``
        the content, with its origin, of a message in another chat that is replied to.

        Raises:
            ValueError: no client would send this: nothing at all, or more than fits one message.
        """
        chat = self._room(chat_id, bot)
        if not text.strip() and media_kind is None and not other:
            raise ValueError("clients send no empty message")
        if other and text:
            raise ValueError("such content has no caption")
        if length16(text) > (CAPTION_LIMIT if media_kind else TEXT_LIMIT):
            raise ValueError("clients split this text; use paste()")
        if topic is not None and topic not in chat.topics:
            raise ValueError(f"no topic {topic} in {chat_id}")
        if reply_to is not None and reply_to not in chat.messages:
            raise ValueError(f"no message {reply_to} in {chat_id}")
        words, marks = checked(text, list(found_in(text) if entities is None else entities))
        media = self._media(media_kind, content, filename, mime_type) if media_kind else {}
        thread, is_topic = self._world.place(chat, topic, reply_to)
        typed = not (media_kind or other or origin or age_s or at_once)
        message = Message(
            id=self._world.new_id(chat),
            date=self._date_of_typed(chat, person) if typed else self._world.now() - age_s,
            sender=self._speaker(chat, person, as_chat),
            sender_chat=self._world.groups[as_chat] if as_chat is not None else None,
            text=words,
            entities=marks,
            media={
                **media,
                **(other or {}),
                **({"media_group_id": media_group_id} if media_group_id else {}),
            },
            thread_id=thread,
            is_topic=is_topic,
            reply_to=reply_to,
            origin=origin,
            reply_context=self._reply_context(chat, reply_to, quote, across),
        )
        self._tell(chat, self._world.add(chat, message))
        return message.id

    async def paste(self, chat_id: int, person: int, text: str, *, topic: int | None = None) -> list[int]:
        """Send a text of any length as clients do: cut at 4096 characters; return the ids."""
        parts = [text[at : at + TEXT_LIMIT // 2] for at in range(0, len(text), TEXT_LIMIT // 2)]
        if length16(text) == len(text):
            parts = [text[at : at + TEXT_LIMIT] for at in range(0, len(text), TEXT_LIMIT)]
        return [
            await self.say(chat_id, person, part, topic=topic, at_once=True) for part in parts if part.strip()
        ]

    async def send_sticker(self, chat_id: int, person: int, **how: Any) -> int:
        """Send a sticker; ``how`` as in :meth:`say`."""
        return await self.say(chat_id, person, media_kind="sticker", **how)

    async def send_voice(self, chat_id: int, person: int, caption: str = "", **how: Any) -> int:
        """Send a voice message; ``how`` as in :meth:`say`."""
        return await self.say(chat_id, person, caption, media_kind="voice", **how)

    async def send_photo(self, chat_id: int, person: int, caption: str = "", **how: Any) -> int:
        """Send a photo; ``how`` as in :meth:`say`."""
        return await self.say(chat_id, person, caption, media_kind="photo", **how)

    async def send_document(self, chat_id: int, person: int, caption: str = "", **how: Any) -> int:
        """Send a file; ``how`` as in :meth:`say`."""
        return await self.say(chat_id, person, caption, media_kind="document", **how)

    async def album(self, chat_id: int, person: int, captions: Sequence[str], **how: Any) -> list[int]:
        """Send photos as one album: separate messages with one ``media_group_id``; return the ids.

        ``contents`` are the photos' bytes, one for each caption.
        """
        group = f"album-{next(self._numbers)}"
        contents = how.pop("contents", [b"\0"] * len(captions))
        return [
            await self.send_photo(chat_id, person, caption, media_group_id=group, content=content, **how)
            for caption, content in zip(captions, contents, strict=True)
        ]

    async def edit(
        self,
        chat_id: int,
        message_id: int,
        text: str,
        *,
        entities: Sequence[Entity] | None = None,
        photo: bytes = b"",
        bot: Bot | None = None,
    ) -> None:
        """Change the text of a person's message, and its picture if ``photo`` is given."""
        chat = self._room(chat_id, bot)
        words, marks = checked(text, list(found_in(text) if entities is None else entities))
        changed = replace(chat.messages[message_id], text=words, entities=marks)
        if photo:
            changed = replace(changed, media=self._media("photo", photo, "", ""))
        self._tell(chat, self._world.change(chat, changed), "edited_message")

    async def disturb(self, chat_id: int, message_id: int, *, bot: Bot | None = None) -> None:
        """Send an ``edited_message`` in which nothing a reader sees has changed, as Telegram does."""
        chat = self._room(chat_id, bot)
        changed = replace(chat.messages[message_id], edit_date=self._world.now())
        self._tell(chat, changed, "edited_message")

    async def delete(self, chat_id: int, message_id: int, *, bot: Bot | None = None) -> None:
        """Take a message away, a person's or the bot's. Bots are not told."""
        self._world.remove(self._room(chat_id, bot), message_id)

    async def press(
        self, chat_id: int, message_id: int, data: str, person: int, *, bot: Bot | None = None
    ) -> str:
        """Press the inline button that carries ``data`` and return the query's id.

        Raises:
            ValueError: the message has no such button, or the person is not there to press it.
        """
        message = self._room(chat_id, bot).messages[message_id]
        if data not in [value for _, value in buttons_of(message)]:
            raise ValueError(f"no button {data!r} under message {message_id}")
        return await self.forge_press(chat_id, message_id, data, person, bot=bot)

    async def forge_press(
        self, chat_id: int, message_id: int, data: str, person: int, *, bot: Bot | None = None
    ) -> str:
        """Send a press with any data for a message, as a changed client can; return the query's id.

        Telegram passes it on (https://core.telegram.org/bots/api#callbackquery).
        """
        chat = self._room(chat_id, bot)
        message = chat.messages[message_id]
        presser = self._speaker(chat, person, None)
        owner = self._world.bot_of(message.sender.id)
        query_id = f"{next(self._numbers)}"
        self._world.queries[query_id] = {"bot": owner.id, "at": self._world.clock.time(), "answer": None}
        body = {
            "id": query_id,
            "from": user_json(presser),
            "message": message_json(chat, message),
            "chat_instance": str(chat.id),
            "data": data,
        }
        owner.updates.push("callback_query", f"callback:{person}", body)
        return query_id

    def react(self, chat_id: int, message_id: int, person: int, *emoji: str) -> None:
        """Make ``emoji`` a person's reactions; administrators among the bots learn of it if they asked.

        A bot cannot be one in a private chat, and is told nothing there (openclaw/openclaw#43730).
        """
        chat = self._room(chat_id, None)
        all_of_message = chat.reactions.setdefault(message_id, {})
        before, all_of_message[person] = all_of_message.get(person, ()), emoji
        body = {
            "chat": chat_json(chat),
            "message_id": message_id,
            "user": user_json(self._speaker(chat, person, None)),
            "date": self._world.now(),
            "old_reaction": [{"type": "emoji", "emoji": one} for one in before],
            "new_reaction": [{"type": "emoji", "emoji": one} for one in emoji],
        }
        for bot in self._world.bots.values():
            if chat.bots.get(bot.id) == "administrator":
                bot.updates.push("message_reaction", f"reaction:{chat.id}", body)

    async def stop_draft(self, chat_id: int, person: int, *, topic: int | None = None) -> None:
        """Press Stop under the draft that stands in a private chat.

        Raises:
            ValueError: there is no draft with such a button.
        """
        draft = self._world.statuses.drafts.get((chat_id, topic or 0))
        if draft is None or not draft.can_stop:
            raise ValueError(f"no draft in {chat_id} can be stopped")
        owner = self._world.bot_of(draft.bot_id)
        chat = chat_json(self._room(chat_id, owner))
        body: dict[str, Any] = {"chat": chat, "draft_id": str(draft.draft_id)}
        if topic is not None:
            body["message_thread_id"] = topic
        if not draft.keep_on_stop:
            self._world.statuses.clear(chat_id, topic)
        owner.updates.push("stopped_message_generation", f"{person}", body)

    def answer_to(self, query_id: str) -> str | None:
        """Return what the bot answered to a pressed button; None where it has not."""
        answer = self._world.queries[query_id]["answer"]
        return None if answer is None else str(answer)

    def _date_of_typed(self, chat: Chat, person: int) -> int:
        """Return the date of a message that a person types now."""
        last = self._last_typed.get((chat.id, person), 0)
        self._last_typed[chat.id, person] = date = max(self._world.now(), last + TYPING_TAKES_S)
        return date

    def _reply_context(
        self, chat: Chat, reply_to: int | None, quote: str, across: Content | None
    ) -> dict[str, Any]:
        """Return the quote and the message of another chat that a message replies to."""
        if across is not None and "origin" not in across:
            raise ValueError("a message of another chat has an origin")
        found: dict[str, Any] = {} if across is None else {"external_reply": dict(across)}
        if not quote:
            return found
        position = 0
        if reply_to is not None:
            position = chat.messages[reply_to].text.find(quote)
            if position < 0:
                raise ValueError(f"message {reply_to} does not say {quote!r}")
        return found | {"quote": {"text": quote, "position": position, "is_manual": True}}

    def _room(self, chat_id: int, bot: Bot | None) -> Chat:
        if chat_id > 0:
            return self._private(chat_id, bot)
        chat = self._world.groups[chat_id]
        if chat.migrated_to:
            raise ValueError(f"{chat_id} became {chat.migrated_to}")
        return chat

    def _speaker(self, chat: Chat, person: int, as_chat: int | None) -> User:
        if as_chat is not None:
            return ANONYMOUS if as_chat == chat.id else CHANNEL
        if person not in chat.members:
            raise ValueError(f"{person} is not in {chat.id}")
        return self._world.users[person]

    def _media(self, kind: MediaKind, content: bytes, name: str, mime_type: str) -> dict[str, Any]:
        file_id = f"file-{next(self._numbers)}"
        media = media_json(kind, file_id, len(content), name=name, mime_type=mime_type)
        sizes = [*media.get("photo", ()), *([media[kind]] if kind != "photo" else ())]
        for size in sizes:
            self._world.files[size["file_id"]] = (f"{kind}s/{size['file_id']}", content)
        return media
