"""The requester of a turn's requests to Kimi."""

from collections.abc import Mapping

from core.access.channel_moves import ChannelMoves
from core.ports.chat_model import Requester
from core.store.conversations import Conversation


def requester_of(
    conversation: Conversation,
    person_id: str,
    fair_share_weights: Mapping[str, float],
    moves: ChannelMoves,
) -> Requester:
    """Return the requester for a person in a conversation.

    ``fair_share_weights`` are by "platform:channel", where the channel may have one of its earlier ids by
    ``moves``; a chat that is not in it has weight 1.
    """
    key = conversation.key
    ids = sorted(moves.ids_of(key.platform, key.channel), key=lambda id_: id_ != key.channel)
    weights = [weight for id_ in ids if (weight := fair_share_weights.get(f"{key.platform}:{id_}"))]
    person = f"{key.platform}:{key.tenant}:{person_id}"
    return Requester(person=person, chat=f"{key.platform}:{key.channel}", weight=next(iter(weights), 1.0))
