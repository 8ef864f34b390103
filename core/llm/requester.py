"""On whose behalf a request to Kimi is made."""

from collections.abc import Mapping

from core.llm import Requester
from core.store.conversations import Conversation


def requester_of(
    conversation: Conversation, person_id: str, fair_share_weights: Mapping[str, float]
) -> Requester:
    """Return on whose behalf a turn asks; ``weights`` are by "platform:channel"."""
    key = conversation.key
    chat = f"{key.platform}:{key.channel}"
    person = f"{key.platform}:{key.tenant}:{person_id}"
    return Requester(person=person, chat=chat, weight=fair_share_weights.get(chat, 1.0))
