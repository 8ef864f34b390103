"""Proof of a button press: whether the pressed message offered this choice to this person.

A changed client can send any data for any message that its user sees ("the message originated the query can
contain no callback buttons with this data": https://core.telegram.org/bots/api#callbackquery). So a press
counts only if the store knows the message as one of the bot's whose buttons included it. Messages of
handoffs are checked by :mod:`core.handoff.button_handler`.
"""

from core.access import AccessLists, Actor
from core.domain.answer_buttons import buttons_for
from core.domain.buttons import ActionButton, RequestHuman
from core.domain.events import ButtonPressed
from core.domain.turn_states import Outcome, TurnState
from core.store import Transaction, conversations, outbox_copies, turns
from core.store.turns import Turn


async def find_pressed_turn(tx: Transaction, event: ButtonPressed) -> Turn | None:
    """Return the turn that the pressed message is a reply of; None if it is of none."""
    turn_id = await conversations.find_turn_id(tx, event.address.key, event.message_id)
    return None if turn_id is None else await turns.get(tx, turn_id)


async def is_offered(
    tx: Transaction, event: ButtonPressed, access: AccessLists, *, by_chat_admin: bool
) -> bool:
    """Return whether the reply of a turn offered this choice to this person.

    An answer's buttons are for everybody who reads it; what they may do is decided later. Options are for the
    person who got them, and for admins: of the deployment, and of the chat if they set its rules.
    """
    turn = await find_pressed_turn(tx, event)
    if turn is None:
        # The first page may be pressed before its reference is stored. Stop does no more than the command.
        return event.action is ActionButton.STOP
    if isinstance(event.action, ActionButton):
        return offers_action(turn, event)
    for_person = turn.asker_id == event.author.id or by_chat_admin or access.is_admin(Actor.of(event))
    return for_person and _offers_option(turn, event)


async def is_human_offered(tx: Transaction, event: ButtonPressed) -> bool:
    """Return whether the pressed message offered a person of the team to the person who pressed.

    It stands under an answer to a question, in the place of one, or in a message of the desk's outbox.
    """
    turn = await find_pressed_turn(tx, event)
    if turn is not None:
        under_answer = turn.outcome is not None and bool(buttons_for(turn.outcome))
        offered = _is_last_page(turn, event.message_id) and (under_answer or _has_option(turn, event))
        return offered and turn.asker_id == event.author.id
    conversation = await conversations.find_by_message(tx, event.address.key, event.message_id)
    if conversation is None:
        return False
    shown = await outbox_copies.find_offer(tx, conversation.id, event.message_id)
    return shown is not None and shown.offers(event.action) and shown.offered_to in ("", event.author.id)


def offers_action(turn: Turn, event: ButtonPressed) -> bool:
    """Return whether the answer of a turn has the pressed button."""
    if event.action is ActionButton.STOP:
        return turn.state is not TurnState.NOTICE and turn.outcome is not Outcome.NOTICE
    if turn.outcome is None or not _is_last_page(turn, event.message_id):
        return False
    return event.action in buttons_for(turn.outcome)


def _offers_option(turn: Turn, event: ButtonPressed) -> bool:
    if isinstance(event.action, RequestHuman):
        return False
    return _is_last_page(turn, event.message_id) and _has_option(turn, event)


def _has_option(turn: Turn, event: ButtonPressed) -> bool:
    return any(option.action == event.action for option in turn.options)


def _is_last_page(turn: Turn, message_id: str) -> bool:
    """Return whether a message is the last of a reply, which alone has buttons."""
    return bool(turn.refs) and turn.refs[-1].message_id == message_id
