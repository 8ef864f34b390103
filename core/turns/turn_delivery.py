"""Delivery of a turn's reply: where it is shown, with which buttons, and the references to its messages."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.message_operations import AnswerButtons
from core.delivery.message_target import MessageTarget
from core.delivery.streamed_message import StreamedMessage
from core.domain.answer_buttons import buttons_for
from core.domain.bot_messages import MessageRef
from core.domain.buttons import ActionButton, Button
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.turn_states import TurnOutcome, TurnState
from core.ports.platform import MessageChannel
from core.store import Database, conversations, turns
from core.turns.claimed_turn import ClaimedTurn
from core.turns.escalation import Escalation

SAVE_REFS_TIMEOUT_S: Final = 60.0  #: for which storing the references to posted messages is tried
SAVE_REFS_RETRY_S: Final = 0.25


class TurnDeliveries:
    """Opens the deliveries of claimed turns."""

    def __init__(
        self,
        database: Database,
        dispatcher: DeliveryDispatcher,
        clock: Clock,
        escalation: Escalation,
        *,
        channels: Mapping[str, MessageChannel],
        show_buttons: bool = True,
    ) -> None:
        """``channels`` maps platforms to their channels; ``show_buttons`` puts buttons under answers."""
        self._database = database
        self._dispatcher = dispatcher
        self._clock = clock
        self._escalation = escalation
        self._channels = channels
        self._show_buttons = show_buttons

    def open(self, claimed: ClaimedTurn) -> StreamedMessage:
        """Open the delivery of a turn's reply; a later attempt continues in the messages of the first."""
        turn = claimed.turn
        target = MessageTarget(
            channel=self._channels[claimed.conversation.key.platform],
            address=claimed.address,
            idempotency_key=f"{turn.id}",
            on_refs_changed=partial(self._save_refs, claimed),
            question_id=claimed.question.message_id if claimed.question is not None else "",
            refs=turn.refs,
            known_message_ids=claimed.known_message_ids,
            person=f"{claimed.conversation.key.platform}:{claimed.conversation.key.tenant}:{claimed.asker_id}",
            is_notice=turn.state is TurnState.NOTICE,
            post_uncertain=turn.attempt > 1,
        )
        running = turn.state is TurnState.RUNNING
        stop = (ActionButton.STOP,) if self._show_buttons and running else ()
        return self._dispatcher.open(target, buttons=AnswerButtons(running=stop), show_status=running)

    def final_buttons(self, claimed: ClaimedTurn, outcome: TurnOutcome) -> tuple[Button, ...]:
        """Return the buttons that the complete answer to a question gets."""
        if not self._show_buttons or claimed.question is None:
            return ()
        buttons = buttons_for(outcome)
        return (*buttons, *self._escalation.buttons(claimed)) if buttons else ()

    async def _save_refs(self, claimed: ClaimedTurn, refs: Sequence[MessageRef]) -> None:
        """Store the references; without them the next attempt would post the messages again."""
        deadline = self._clock.time() + SAVE_REFS_TIMEOUT_S
        while True:
            try:
                async with self._database.begin() as tx:
                    await turns.save_refs(tx, claimed.turn, refs)
                    for ref in refs:
                        # The channel may have got another id since the question was asked.
                        key = replace(claimed.address.key, channel=ref.channel)
                        await conversations.save_ref(
                            tx, key, ref.message_id, claimed.conversation.id, claimed.turn.id
                        )
            except StoreUnavailable:
                if self._clock.time() >= deadline:
                    raise
                await self._clock.sleep(SAVE_REFS_RETRY_S)
            else:
                return
