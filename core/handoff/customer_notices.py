"""Notices to a customer about changes of their handoff. Pure."""

from typing import assert_never

from core.domain.buttons import OptionButton
from core.domain.handoff_state import HandoffAction, HandoffState
from core.handoff import texts_for_customers
from core.handoff.languages import language_for_customer
from core.handoff.policy import HandoffPolicy
from core.store.handoffs import Handoff


def notice_of_change(
    handoff: Handoff,
    action: HandoffAction,
    policy: HandoffPolicy,
    *,
    waiting_ahead: int,
    by_service: bool = False,
) -> tuple[str, tuple[OptionButton, ...]]:
    """Return the text, with its buttons, that tells a customer of a handoff's new state.

    Args:
        handoff: after the change.
        action: what was done.
        policy: of the customer's chat.
        waiting_ahead: handoffs that wait longer at the same desk.
        by_service: nobody did it: an idle handoff was closed, for which no stars are asked.
    """
    language = language_for_customer(handoff)
    name = handoff.assignee.name if policy.show_staff_names else ""
    match handoff.state:
        case HandoffState.WAITING:
            text = texts_for_customers.requested_text(
                language, waiting_ahead=waiting_ahead, away_notice=policy.away_notice
            )
            return text, ()
        case HandoffState.STAFF if action is HandoffAction.REQUEST:
            return texts_for_customers.already_assigned_text(language, name), ()
        case HandoffState.STAFF:
            return texts_for_customers.assigned_text(language, name), ()
        case HandoffState.CLOSED if handoff.assignee.id and policy.asks_rating and not by_service:
            buttons = texts_for_customers.rating_buttons(handoff.id)
            return texts_for_customers.closed_text(language), buttons
        case HandoffState.CLOSED:
            return texts_for_customers.closed_without_rating_text(language), ()
        case HandoffState.BOT:
            return texts_for_customers.returned_to_bot_text(language), ()
        case _:
            assert_never(handoff.state)
