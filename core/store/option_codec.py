"""Options that a message offers, as JSON: each a label and the data that its button carries on a platform."""

from collections.abc import Sequence
from typing import TypeAlias

from core.domain.buttons import ActionButton, OptionButton, encode_button, parse_button_data

StoredOptions: TypeAlias = list[dict[str, str]]


def encode_options(options: Sequence[OptionButton]) -> StoredOptions:
    """Return the stored form of options."""
    return [{"label": option.label, "data": encode_button(option.action)} for option in options]


def decode_options(stored: StoredOptions | None) -> tuple[OptionButton, ...]:
    """Return the options that were stored, without those of another version that this one cannot read."""
    options = []
    for one in stored or []:
        action = parse_button_data(one["data"])
        if action is not None and not isinstance(action, ActionButton):
            options.append(OptionButton(label=one["label"], action=action))
    return tuple(options)
