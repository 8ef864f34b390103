"""The codec of button data, which leaves the process and comes back from clients that people can change."""

import pytest

from core.domain.buttons import (
    MAX_DATA_BYTES,
    ActionButton,
    ButtonAction,
    ChangeHandoff,
    CommentRating,
    ConfirmForget,
    DecideTools,
    RateHandoff,
    RequestHuman,
    RunCommand,
    SendDraft,
    SuggestReply,
    encode_button,
    fits_button,
    parse_button_data,
)
from core.domain.command_names import CommandName
from core.domain.handoff_state import HandoffAction
from core.domain.tool_approval import ToolDecision

LARGEST_ID = 10**18 - 1

ACTIONS: list[ButtonAction] = [
    *ActionButton,
    *(RunCommand(command=name, argument="a b:c=d") for name in CommandName),
    RunCommand(command=CommandName.SETTINGS, argument=""),
    ConfirmForget(person_id="U0123456789", confirmed=True),
    DecideTools(turn_id=12, decision=ToolDecision.ALWAYS),
    ConfirmForget(person_id="-1001234567890", confirmed=False),
    RequestHuman(),
    ChangeHandoff(handoff_id=LARGEST_ID, action=HandoffAction.ASSIGN),
    ChangeHandoff(handoff_id=1, action=HandoffAction.RETURN_TO_BOT),
    ChangeHandoff(handoff_id=1, action=HandoffAction.CLOSE),
    SuggestReply(handoff_id=LARGEST_ID),
    SendDraft(item_id=LARGEST_ID),
    RateHandoff(handoff_id=LARGEST_ID, stars=1),
    RateHandoff(handoff_id=1, stars=5),
    CommentRating(handoff_id=LARGEST_ID),
]


@pytest.mark.parametrize("action", ACTIONS, ids=encode_button)
def test_a_pressed_button_has_the_action_that_it_was_made_with(action: ButtonAction) -> None:
    """Encoded data is parsed to the same action, and fits into a Telegram button (we chose the form)."""
    data = encode_button(action)

    assert parse_button_data(data) == action
    assert 1 <= len(data.encode()) <= MAX_DATA_BYTES


@pytest.mark.parametrize(
    "data",
    [
        "",
        "STOP",
        "stop:",
        "run:reboot:now",
        "run",
        "forget:yes:",
        "forget:maybe:U1",
        "human:",
        "handoff:ask:1",  # a button can assign, return and close, not request
        "handoff:take:-1",
        "handoff:take:1:2",
        "handoff:take:²",  # str.isdigit() accepts it, int() does not
        "rate:0:1",
        "rate:6:1",
        "rate:23:1",
        "rate::1",
        "rate:5:",
        f"send:{10**18}",  # the database would refuse an id beyond 64 bits
        "comment:٣",
        "suggest:1 ",
    ],
)
def test_forged_data_has_no_action(data: str) -> None:
    """Data that no button of ours carries is not acted on (clients can send any data)."""
    assert parse_button_data(data) is None


def test_an_option_too_long_for_a_button_is_recognized() -> None:
    """Telegram refuses callback data over 64 bytes, counted in UTF-8."""
    room = MAX_DATA_BYTES - len("run:model:")

    assert fits_button(RunCommand(command=CommandName.MODEL, argument="m" * room))
    assert not fits_button(RunCommand(command=CommandName.MODEL, argument="m" * (room + 1)))
    assert not fits_button(RunCommand(command=CommandName.MODEL, argument="模" * (room // 2)))
