"""The methods about a forum's topics: create, close, reopen.

A bot needs to be an administrator who may manage topics
(core.telegram.org/bots/api#createforumtopic). Texts of refusals: tdlib/td ``ForumTopicManager.cpp``
and the cloud behind it.
"""

from collections.abc import Callable
from typing import Any

from bots.simulator.telegram.calls import ChatCalls
from bots.simulator.telegram.chats import Bot, Chat, World
from bots.simulator.telegram.entities import length16
from bots.simulator.telegram.errors import bad_request
from bots.simulator.telegram.params import Params

TITLE_LIMIT_UNITS = 128


class TopicCalls:
    """Topics, on one world."""

    def __init__(self, world: World, chat: ChatCalls) -> None:
        self._world, self._chat = world, chat

    def methods(self) -> dict[str, Callable[[Bot, Params], Any]]:
        """Return the methods by their lower-case names."""
        return {
            "createforumtopic": self.create,
            "closeforumtopic": self.close,
            "reopenforumtopic": self.reopen,
        }

    def create(self, bot: Bot, params: Params) -> dict[str, Any]:
        """``createForumTopic``."""
        chat = self._managed(bot, params, "not enough rights to create a topic")
        name = str(params.get("name", "")).strip()
        if not name:
            raise bad_request("topic name must be non-empty")
        if length16(name) > TITLE_LIMIT_UNITS:  # the service cuts it, which nobody may rely on
            raise bad_request("TOPIC_TITLE_TOO_LONG")
        message = self._world.open_topic(chat, bot.user, name)
        return {"message_thread_id": message.id, "name": name, "icon_color": 7322096}

    def close(self, bot: Bot, params: Params) -> bool:
        """``closeForumTopic``: nobody but administrators may write there afterwards."""
        chat = self._managed(bot, params, "not enough rights to close the topic")
        topic = self._topic(chat, params)
        if topic in chat.closed_topics:
            raise bad_request("TOPIC_NOT_MODIFIED")
        chat.closed_topics.add(topic)
        return True

    def reopen(self, bot: Bot, params: Params) -> bool:
        """``reopenForumTopic``."""
        chat = self._managed(bot, params, "not enough rights to reopen the topic")
        topic = self._topic(chat, params)
        if topic not in chat.closed_topics:
            raise bad_request("TOPIC_NOT_MODIFIED")
        chat.closed_topics.discard(topic)
        return True

    def _managed(self, bot: Bot, params: Params, refusal: str) -> Chat:
        chat = self._chat.enter(bot, params)
        if not chat.forum:
            raise bad_request("the chat is not a forum")
        if chat.bots.get(bot.id) != "administrator":
            raise bad_request(refusal)
        return chat

    @staticmethod
    def _topic(chat: Chat, params: Params) -> int:
        topic = params.get("message_thread_id") or 0
        if topic not in chat.topics:
            raise bad_request("TOPIC_ID_INVALID")
        return int(topic)
