"""The requester of a turn's requests to Kimi."""

from collections.abc import Mapping

from core.ports.chat_model import Requester
from core.store.conversations import Conversation


def requester_of(
    conversation: Conversation, person_id: str, fair_share_weights: Mapping[str, float]
) -> Requester:
    """Return the requester for a person in a conversation.

    ``fair_share_weights`` are by "platform:channel"; a chat that is not in it has weight 1.
    """
    key = conversation.key
    chat = f"{key.platform}:{key.channel}"
    person = f"{key.platform}:{key.tenant}:{person_id}"
    return Requester(person=person, chat=chat, weight=fair_share_weights.get(chat, 1.0))
