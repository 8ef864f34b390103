"""The methods that show something in a chat: send, edit, delete, type, react, answer a button.

Each takes the calling bot and its params, takes effect at once, and returns the ``result``. Texts
of refusals: tdlib/telegram-bot-api ``Client.cpp`` and the cloud.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bots.simulator.telegram import entities as words
from bots.simulator.telegram.chats import Bot, Chat, Message, World
from bots.simulator.telegram.errors import bad_request, too_many_requests
from bots.simulator.telegram.free_reactions import FREE_REACTIONS
from bots.simulator.telegram.limits import Gate
from bots.simulator.telegram.markup import checked_markup
from bots.simulator.telegram.params import Params, chat_id_of
from bots.simulator.telegram.parsing import parsed
from bots.simulator.telegram.rich import Block, checked_rich
from bots.simulator.telegram.statuses import DRAFT_S, TYPING_S, Draft
from bots.simulator.telegram.wire import message_json

NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
DELETABLE_S = 48 * 3600
QUERY_S = 15.0  #: a pressed button must be answered within this
DRAFT_SHOWS = "Thinking…"


class ChatCalls:
    """Send, edit and the rest, on one world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def send_message(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``sendMessage``."""
        chat = self.enter(bot, params)
        text, entities = _checked_words(params)
        if words.length16(text) > words.TEXT_LIMIT:
            raise bad_request("message is too long")
        return self.post(bot, chat, params, text=text, entities=entities)

    def send_rich_message(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``sendRichMessage``."""
        chat = self.enter(bot, params)
        return self.post(bot, chat, params, rich=checked_rich(params.get("rich_message")))

    def edit_message_text(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``editMessageText``; an edit without ``reply_markup`` takes the buttons away."""
        chat = self.enter(bot, params)
        rich = params.get("rich_message") if self._world.rich_available else None
        if rich is not None:
            return self._edit_rich(bot, chat, params, checked_rich(rich))
        text, entities = _checked_words(params)
        message = self.own_message(bot, chat, params)
        if words.length16(text) > words.TEXT_LIMIT:
            raise bad_request("MESSAGE_TOO_LONG")
        if message.media:
            raise bad_request("there is no text in the message to edit")
        markup = checked_markup(params.get("reply_markup"))
        new = replace(message, text=text, entities=entities, rich=(), markup=markup)
        return self.modify(chat, message, new)

    def _edit_rich(self, bot: Bot, chat: Chat, params: Params, blocks: tuple[Block, ...]) -> dict[str, Any]:
        if params.get("text"):
            raise bad_request("text and rich_message can't be used simultaneously")
        message = self.own_message(bot, chat, params)
        if message.media:
            raise bad_request("there is no text in the message to edit")
        markup = checked_markup(params.get("reply_markup"))
        new = replace(message, text="", entities=(), rich=blocks, markup=markup)
        return self.modify(chat, message, new)

    def edit_message_reply_markup(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``editMessageReplyMarkup``."""
        chat = self.enter(bot, params)
        message = self.own_message(bot, chat, params)
        markup = checked_markup(params.get("reply_markup"))
        return self.modify(chat, message, replace(message, markup=markup))

    def delete_message(self, bot: Bot, params: Params) -> bool:
        """``deleteMessage``: own ones for 48 h, others' in private chats and where admin."""
        chat = self.enter(bot, params)
        message = chat.messages.get(params.get("message_id") or 0)
        if message is None:
            raise bad_request("message to delete not found")
        own = message.sender.id == bot.id
        others = chat.kind == "private" or chat.bots.get(bot.id) == "administrator"
        if not (own or others) or self._world.now() - message.date > DELETABLE_S:
            raise bad_request("message can't be deleted for everyone")
        self._world.remove(chat, message.id)
        return True

    def send_chat_action(self, bot: Bot, params: Params) -> bool:
        """``sendChatAction``."""
        chat = self.enter(bot, params)
        if params.get("action") not in ACTIONS:
            raise bad_request("wrong parameter action in request")
        if chat.kind == "private":
            self._spend(bot.budgets.drafts(chat.id))
        topic, action = self._topic(chat, params), str(params["action"])
        self._world.statuses.show(chat.id, topic, action, lasts_s=TYPING_S)
        return True

    def send_message_draft(self, bot: Bot, params: Params) -> bool:
        """``sendMessageDraft``: a preview of 30 seconds, to users only."""
        chat = self._world.find(bot, chat_id_of(params))
        chat.guard(bot)
        if chat.kind != "private":
            raise bad_request("TEXTDRAFT_PEER_INVALID")
        if not params.get("draft_id"):
            raise bad_request("RANDOM_ID_INVALID")
        self._spend(bot.budgets.overall())
        self._spend(bot.budgets.drafts(chat.id))
        text, _ = words_of(params)
        if words.length16(text) > words.TEXT_LIMIT:
            raise bad_request("MESSAGE_TOO_LONG")
        topic = self._topic(chat, params)
        draft = Draft(
            bot_id=bot.id,
            draft_id=int(params["draft_id"]),
            can_stop=bool(params.get("can_stop")),
            keep_on_stop=bool(params.get("keep_on_stop")),
        )
        self._world.statuses.show(chat.id, topic, text or DRAFT_SHOWS, lasts_s=DRAFT_S, draft=draft)
        return True

    def set_message_reaction(self, bot: Bot, params: Params) -> bool:
        """``setMessageReaction``: at most one reaction of a bot."""
        chat = self.enter(bot, params)
        if params.get("message_id") not in chat.messages:
            raise bad_request("message to react not found")
        reactions = params.get("reaction") or []
        if len(reactions) > 1:
            raise bad_request("REACTIONS_TOO_MANY")
        if any(str(one.get("emoji")).replace("\ufe0f", "") not in FREE_REACTIONS for one in reactions):
            raise bad_request("REACTION_INVALID")
        emoji = tuple(str(one["emoji"]) for one in reactions)
        chat.reactions.setdefault(params["message_id"], {})[bot.id] = emoji
        return True

    def answer_callback_query(self, bot: Bot, params: Params) -> bool:
        """``answerCallbackQuery``, once and in time."""
        query = self._world.queries.get(str(params.get("callback_query_id", "")))
        now = self._world.clock.time()
        if (
            query is None
            or query["bot"] != bot.id
            or query["answer"] is not None
            or now - query["at"] > QUERY_S
        ):
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        query["answer"] = str(params.get("text", ""))
        return True

    # -- what the methods share -------------------------------------------------------------

    def enter(self, bot: Bot, params: Params, *, messages: int = 1) -> Chat:
        """Return the chat the call is for, after every budget was asked for so many messages."""
        chat = self._world.find(bot, chat_id_of(params))
        chat.guard(bot)
        self._spend(bot.budgets.chat(chat.id), messages)
        self._spend(bot.budgets.overall(), messages)
        return chat

    def _spend(self, gate: Gate, messages: int = 1) -> None:
        if wait_s := gate.admit(self._world.clock.time(), messages):
            raise too_many_requests(wait_s)

    def _topic(self, chat: Chat, params: Params) -> int | None:
        """Return the topic the call names; General has no id, and 1 is refused."""
        topic = params.get("message_thread_id") or None
        if chat.direct_messages:
            topic = params.get("direct_messages_topic_id") or None
            if topic is None:
                raise bad_request("direct_messages_topic_id must be specified")
        if topic is None:
            return None
        if topic not in chat.topics:
            raise bad_request("message thread not found")
        if topic in chat.closed_topics:
            raise bad_request("TOPIC_CLOSED")
        return int(topic)

    def own_message(self, bot: Bot, chat: Chat, params: Params) -> Message:
        """Return the bot's message that is to be edited."""
        number = params.get("message_id") or 0
        if not number:
            raise bad_request("message identifier is not specified")
        message = chat.messages.get(number)
        if message is None:
            raise bad_request("message to edit not found")
        if message.sender.id != bot.id or message.service:
            raise bad_request("message can't be edited")
        return message

    def modify(self, chat: Chat, old: Message, new: Message) -> dict[str, Any]:
        """Replace a message by a changed one."""
        if (old.text, old.entities, old.rich, old.markup) == (new.text, new.entities, new.rich, new.markup):
            raise bad_request(NOT_MODIFIED)
        return message_json(chat, self._world.change(chat, new))

    def post(
        self,
        bot: Bot,
        chat: Chat,
        params: Params,
        *,
        text: str = "",
        entities: tuple[words.Entity, ...] = (),
        rich: tuple[Block, ...] = (),
        media: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Show a message of the bot where the params say."""
        if bot.id in chat.muted:
            raise bad_request("not enough rights to send text messages to the chat")
        reply_to = _reply(chat, params)
        topic, is_topic = self._world.place(chat, self._topic(chat, params), reply_to)
        message = Message(
            id=self._world.new_id(chat),
            date=self._world.now(),
            sender=bot.user,
            text=text,
            entities=entities,
            rich=rich,
            media=media or {},
            thread_id=topic,
            is_topic=is_topic,
            reply_to=reply_to,
            markup=checked_markup(params.get("reply_markup")),
        )
        return message_json(chat, self._world.add(chat, message))


ACTIONS = frozenset(
    [
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
    ]
)


def words_of(
    params: Params, name: str = "text", marks: str = "entities"
) -> tuple[str, tuple[words.Entity, ...]]:
    """Return the text as it will stand, with its entities."""
    raw = str(params.get(name, ""))
    if len(raw.encode("utf-8", "surrogatepass")) > words.RAW_LIMIT_BYTES:
        raise bad_request("text is too long")
    if mode := str(params.get("parse_mode") or ""):
        return words.checked(*parsed(raw, mode))
    return words.checked(raw, params.get(marks))


def _checked_words(params: Params) -> tuple[str, tuple[words.Entity, ...]]:
    """Return the text of a message, which must have something to see.

    Raises:
        ApiError: it has none.
    """
    text, entities = words_of(params)
    if not text:
        raise bad_request("message text is empty")
    if words.is_empty(text):
        raise bad_request("text must be non-empty")
    return text, entities


def _reply(chat: Chat, params: Params) -> int | None:
    """Return the id of the message that is replied to; None where there is none."""
    reply = params.get("reply_parameters") or {
        "message_id": params.get("reply_to_message_id") or 0,
        "allow_sending_without_reply": params.get("allow_sending_without_reply", False),
    }
    if not isinstance(reply, dict):
        raise bad_request("can't parse reply parameters JSON object")
    number = int(reply.get("message_id") or 0)
    if not number or number in chat.messages:
        return number or None
    if reply.get("allow_sending_without_reply"):
        return None
    raise bad_request("message to be replied not found")
