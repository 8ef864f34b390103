"""References to messages on a screen as stored JSON and back."""

from collections.abc import Iterable, Mapping

from core.domain.bot_messages import DeliveryModeName, MessageRef


def dump_refs(refs: Iterable[MessageRef]) -> list[dict[str, str]]:
    """Return references as JSON values."""
    return [{"channel": ref.channel, "message_id": ref.message_id, "mode": ref.mode.value} for ref in refs]


def load_refs(stored: Iterable[Mapping[str, str]]) -> tuple[MessageRef, ...]:
    """Return the references that :func:`dump_refs` was given."""
    return tuple(
        MessageRef(channel=ref["channel"], message_id=ref["message_id"], mode=DeliveryModeName(ref["mode"]))
        for ref in stored
    )
