"""A strict local stand-in for Telegram's Bot API.

    async with TelegramSimulator() as telegram:
        ann = telegram.add_person("Ann")
        chat = telegram.private_chat(ann)
        await telegram.say(chat, ann, "hello")
        # a bot with base_url f"{telegram.api_url}/bot" and token "1:test" now gets the message

Bots talk HTTP to it; people and tests use the verbs of :class:`TelegramSimulator`; what stands in
the chats is on ``screen``. It refuses what Telegram refuses, with the same texts.
"""

from bots.simulator.telegram.app import SeenCall, TelegramSimulator
from bots.simulator.telegram.faults import Fault, Faults
from bots.simulator.telegram.limits import Limits

__all__ = ["Fault", "Faults", "Limits", "SeenCall", "TelegramSimulator"]
