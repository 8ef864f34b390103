"""Native streams: messages that grow by appended text, below cards of the steps.

A stream that refuses more becomes an edited message with a call of ``chat.update``; cards that are refused
are given up, and the answer goes on without them.
"""

from dataclasses import replace
from typing import Final

import structlog

from bots.slack.errors import WRONG_RECIPIENT_CODES, error_code
from bots.slack.limits import SlackLimits
from bots.slack.message_api import MessageApi, is_unsupported
from bots.slack.payload import Blocks
from bots.slack.task_chunks import CHUNK_ERROR_CODES, running_line, task_chunks
from core.concurrency.recent_set import RecentSet
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.domain.errors import PlatformError, PlatformOutcomeUnknown, PlatformRefused, PlatformUnavailable
from core.ports.platform import DeliveryMode

log = structlog.get_logger()

MAX_UNCERTAIN_STREAMS: Final = 1_000


class SlackStreams:
    """The native streams of one workspace."""

    def __init__(self, api: MessageApi, limits: SlackLimits) -> None:
        self._api = api
        self._limits = limits
        self._are_supported = True  # False once Slack has refused streams for good
        self._shows_tasks = True  # False once Slack has refused cards
        self._uncertain = RecentSet[str](MAX_UNCERTAIN_STREAMS)  # last call: outcome unknown

    def can_begin(self, address: Address) -> bool:
        """Return whether a stream may be started at an address."""
        recipient = all(address.details.get(name) for name in ("recipient_user", "recipient_team"))
        return self._are_supported and bool(address.key.thread) and recipient

    def mode(self, team_id: str) -> DeliveryMode:
        """Return the delivery mode of streams."""
        return replace(self._limits.stream_mode(team_id), shows_tasks=self._shows_tasks)

    def forget(self, ts: str) -> None:
        """Take note that a message was deleted."""
        self._uncertain.discard(ts)

    async def start(self, address: Address, message: RenderedMessage) -> str:
        """Return the ts of a new stream; "" if Slack refuses one, or refuses the cards that are all it has.

        For people of another team in a shared channel Slack's documentation does not say which team
        id it expects, so both are tried.
        """
        try:
            return await self._start(address, message.text, task_chunks(message.tasks))
        except PlatformRefused as exc:
            self._give_up_cards(exc)
            return await self._start(address, message.text, ()) if message.text else ""

    def is_uncertain(self, ts: str) -> bool:
        """Return whether it is unknown what the last call on a stream has changed."""
        return ts in self._uncertain

    async def append(
        self,
        ref: MessageRef,
        message: RenderedMessage,
        blocks: Blocks,
        *,
        previous: RenderedMessage,
        final: bool,
    ) -> MessageRef:
        """Append what ``message`` has more than ``previous``; if ``final``, the same call ends the stream.

        Raises:
            PlatformRefused: the stream refuses more text; :meth:`convert_to_edit` goes on.
        """
        text, tasks = message.text[len(previous.text) :], task_chunks(message.tasks, previous.tasks)
        try:
            return await self._append(ref, text, tasks, blocks, final=final)
        except (PlatformOutcomeUnknown, PlatformUnavailable):
            self._uncertain.add(ref.message_id)
            raise

    async def _start(self, address: Address, text: str, tasks: Blocks) -> str:
        """Return the ts of a new stream; "" if Slack refuses one.

        Raises:
            PlatformRefused: the cards are refused.
        """
        details = address.details
        teams = dict.fromkeys((details["recipient_team"], address.key.tenant))
        for team in teams:
            try:
                return await self._api.start_stream(
                    address.key.channel,
                    address.key.thread,
                    text,
                    user_id=details["recipient_user"],
                    team_id=team,
                    tasks=tasks,
                )
            except PlatformRefused as exc:
                if tasks and error_code(exc) in CHUNK_ERROR_CODES:
                    raise
                self._disable_unsupported(exc)
                log.info("slack.stream_refused", error=error_code(exc))
                if error_code(exc) not in WRONG_RECIPIENT_CODES:
                    break
        return ""

    async def _append(
        self, ref: MessageRef, text: str, tasks: Blocks, blocks: Blocks, *, final: bool
    ) -> MessageRef:
        """Append to a stream; if ``final``, the same call ends it."""
        channel, ts = ref.channel, ref.message_id
        try:
            if final:
                await self._api.stop_stream(channel, ts, text, blocks=blocks, tasks=tasks)
                return replace(ref, mode=DeliveryModeName.EDIT)
            if text or tasks:
                await self._api.append_stream(channel, ts, text, tasks=tasks)
        except PlatformRefused as exc:
            if not tasks or error_code(exc) not in CHUNK_ERROR_CODES:
                raise
            self._give_up_cards(exc)
            return await self._append(ref, text, (), blocks, final=final)
        return ref

    async def convert_to_edit(
        self,
        ref: MessageRef,
        message: RenderedMessage,
        blocks: Blocks,
        *,
        final: bool,
        refusal: PlatformRefused,
    ) -> MessageRef:
        """Continue a stream that refuses more text as an edited message."""
        code = error_code(refusal)
        self._disable_unsupported(refusal)
        log.info("slack.stream_abandoned", error=code)
        if code == "stopped_by_user" and not final:
            # The person pressed Slack's Stop button; core writes the final text when that event arrives.
            return replace(ref, mode=DeliveryModeName.EDIT)
        if code == "message_not_in_streaming_state" or is_unsupported(refusal):
            await self._api.edit(ref.channel, ref.message_id, text_of(message), blocks=blocks)
            return replace(ref, mode=DeliveryModeName.EDIT)
        return await self.rewrite(ref, message, blocks)

    async def rewrite(self, ref: MessageRef, message: RenderedMessage, blocks: Blocks) -> MessageRef:
        """End the stream and replace its text, because the text on screen is unknown or not a prefix."""
        self._uncertain.add(ref.message_id)
        await self._api.close_stream(ref.channel, ref.message_id)
        await self._api.edit(ref.channel, ref.message_id, text_of(message), blocks=blocks)
        self._uncertain.discard(ref.message_id)
        return replace(ref, mode=DeliveryModeName.EDIT)

    def _disable_unsupported(self, refusal: PlatformError) -> None:
        """Stop offering streams if Slack does not have them."""
        if is_unsupported(refusal) and self._are_supported:
            self._are_supported = False
            log.warning("slack.streaming_disabled", error=error_code(refusal))

    def _give_up_cards(self, refusal: PlatformError) -> None:
        if self._shows_tasks:
            self._shows_tasks = False
            log.warning("slack.cards_disabled", error=error_code(refusal))


def text_of(message: RenderedMessage) -> str:
    """Return a message's text outside of streams; a line replaces cards without text."""
    return message.text or running_line(message.tasks)
