"""On whose behalf a request to Kimi is made."""

from collections.abc import Mapping

from core.llm import Asker
from core.store.conversations import Conversation


def asker_of(conversation: Conversation, person_id: str, weights: Mapping[str, float]) -> Asker:
    """Return on whose behalf a turn asks; ``weights`` are by "platform:channel"."""
    key = conversation.key
    chat = f"{key.platform}:{key.channel}"
    person = f"{key.platform}:{key.tenant}:{person_id}"
    return Asker(person=person, chat=chat, weight=weights.get(chat, 1.0))
