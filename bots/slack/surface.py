"""Slack as a place where an answer appears and grows.

Two rungs. "stream" is Slack's own streaming: text is appended, the message lives for about five
minutes, and stopping it ends it. "edit" posts a message and replaces its whole text. A message of
the first kind that cannot go on becomes one of the second with a call of ``chat.update``.

The adapter reads from ``Address.details``: ``thread_ts`` (the thread to post into, "" for the top
level, where Slack has no streams), ``status_ts`` (the message or thread a status stands under),
``recipient_user`` and ``recipient_team`` (whom a stream is for), and ``language``.
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack import buttons as buttons
from bots.slack.errors import error_code
from bots.slack.limits import SlackLimits
from bots.slack.message_api import MessageApi, is_unsupported
from bots.slack.payload import Blocks
from bots.slack.render import SlackRenderer
from bots.slack.thread_history import ThreadHistory, idempotency_key_of
from bots.slack.typing_indicator import TypingIndicator
from core.domain.addresses import Address
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    RenderedMessage,
    ThinkingStyle,
    TypingStatus,
)
from core.domain.buttons import Button
from core.domain.errors import (
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformUnavailable,
)
from core.markdown.mentions import MentionCodec
from core.ports.platform import Budget, DeliveryMode, Renderer

log = structlog.get_logger()

WRONG_RECIPIENT_CODES = frozenset(
    {"missing_recipient_team_id", "missing_recipient_user_id", "team_not_found", "user_not_found"}
)
MAX_UNCERTAIN_STREAMS = 1_000


class SlackMessageChannel:
    """One workspace's screen. Implements :class:`core.ports.platform.MessageChannel`."""

    thinking_style = ThinkingStyle.LINE
    can_find_by_key = True

    def __init__(
        self,
        client: AsyncWebClient,
        history: ThreadHistory,
        *,
        limits: SlackLimits,
        agent_view: bool = False,
        mentions: MentionCodec | None = None,
    ) -> None:
        """``agent`` says that the app has the agent view: threads are sessions that begin and end.

        ``mentions`` tells which links in a text are mentions of ours.
        """
        self._mentions = mentions
        self._api, self._history = MessageApi(client), history
        self._typing_indicator = TypingIndicator(client, agent_view=agent_view)
        self._limits = limits
        self._streaming_enabled = True  #: False once Slack said that it does not offer streams here
        self._uncertain_streams: dict[str, None] = {}  #: streams whose last call may have taken effect

    def build_renderer(self, address: Address) -> Renderer:
        """Return a pager; where streaming is offered, a shown prefix never changes."""
        return SlackRenderer(streaming=self._can_stream(address), mentions=self._mentions)

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return "stream" where Slack has all it needs for one, and "edit"."""
        edit = self._limits.edit_mode(address.key.tenant, address.key.channel)
        return (self._limits.stream_mode(address.key.tenant), edit) if self._can_stream(address) else (edit,)

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budget of the method that shows a status; () where none can be shown."""
        if not self._typing_indicator.is_available(address):
            return ()
        return (self._limits.method_budget(address.key.tenant, self._typing_indicator.method),)

    def status_refresh_s(self, address: Address) -> float:
        """Return a time before Slack's two minutes are over; 0 where no status fades."""
        return self._limits.status_refresh_s if self._typing_indicator.expires(address) else 0.0

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Show "is thinking…" under the question, or take it away; a refusal is nothing."""
        await self._typing_indicator.show(address, status)

    async def post(
        self,
        address: Address,
        message: RenderedMessage,
        *,
        mode: DeliveryModeName,
        idempotency_key: str,
        buttons: Sequence[Button] = (),
        final: bool = False,
    ) -> MessageRef:
        """Show a new message: a stream where ``rung`` says so and Slack takes it, else a post."""
        channel = address.key.channel
        if mode is DeliveryModeName.STREAM and self._can_stream(address):
            ts = await self._start_stream(address, message)
            if ts:
                self._typing_indicator.mark_streaming(address)
                return MessageRef(channel=channel, message_id=ts, mode=DeliveryModeName.STREAM)
        ts = await self._api.post(
            channel,
            _thread_ts_of(address),
            message.text,
            idempotency_key=idempotency_key,
            blocks=_button_blocks(address, buttons),
        )
        await (
            self._typing_indicator.mark_finished(address)
            if final
            else self._typing_indicator.mark_running(address)
        )
        return MessageRef(channel=channel, message_id=ts)

    async def edit(
        self,
        address: Address,
        ref: MessageRef,
        message: RenderedMessage,
        *,
        previous: RenderedMessage | None,
        final: bool,
        buttons: Sequence[Button] = (),
    ) -> MessageRef:
        """Show ``page``: appended where ``ref`` is a stream that shows a beginning of it."""
        blocks = _button_blocks(address, buttons)
        if ref.mode is not DeliveryModeName.STREAM:
            await self._api.edit(ref.channel, ref.message_id, message.text, blocks=blocks)
            if final:
                await self._typing_indicator.mark_finished(address, force=previous is None)
            elif previous is None:
                await self._typing_indicator.mark_running(address)
            return ref
        if (
            previous is None
            or not message.text.startswith(previous.text)
            or ref.message_id in self._uncertain_streams
        ):
            after = await self._rewrite_stream(ref, message, blocks)
        else:
            try:
                return await self._append(ref, message.text[len(previous.text) :], final=final, blocks=blocks)
            except (PlatformOutcomeUnknown, PlatformUnavailable):
                self._mark_uncertain(ref)
                raise
            except PlatformRefused as exc:
                after = await self._convert_to_edit(ref, message, blocks, final=final, refusal=exc)
        await (
            self._typing_indicator.mark_finished(address, force=True)
            if final
            else self._typing_indicator.mark_running(address)
        )
        return after

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Take a message away; one that is gone already is success."""
        self._uncertain_streams.pop(ref.message_id, None)
        await self._api.delete(ref.channel, ref.message_id)

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """End the stream that a dead process left open; its text stays until the next edit."""
        if ref.mode is DeliveryModeName.STREAM:
            await self._api.close_stream(ref.channel, ref.message_id)
        return replace(ref, mode=DeliveryModeName.EDIT)

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Look for a message of ours after the question: by its marker, else any that is nobody's.

        A stream carries no marker. Where more than one message of ours is left, the oldest is it.

        Raises:
            core.domain.errors.PlatformError: Slack cannot be reached or is rate limited.
        """
        thread_ts = _thread_ts_of(address)
        try:
            ours = await self._history.own_messages(
                address.key.channel, thread_ts, after=after_message_id or thread_ts
            )
        except (PlatformRefused, PlatformForbidden) as exc:
            log.warning("slack.post_lookup_failed", error=str(exc))
            return None
        unknown = [one for one in ours if one["ts"] not in exclude]
        marked = next((one for one in unknown if idempotency_key_of(one) == idempotency_key), None)
        found = marked or next((one for one in unknown if not idempotency_key_of(one)), None)
        if found is None:
            return None
        mode = DeliveryModeName.EDIT if marked else DeliveryModeName.STREAM
        return MessageRef(channel=address.key.channel, message_id=found["ts"], mode=mode)

    def _can_stream(self, address: Address) -> bool:
        needed = ("thread_ts", "recipient_user", "recipient_team")
        return self._streaming_enabled and all(address.details.get(name) for name in needed)

    async def _start_stream(self, address: Address, message: RenderedMessage) -> str:
        """Return the ts of a new stream; "" where Slack takes a plain post only.

        For people of another team in a shared channel Slack's documentation does not say which of
        the two team ids it wants, so the other one is tried once.
        """
        details = address.details
        teams = dict.fromkeys((details["recipient_team"], address.key.tenant))
        for team in teams:
            try:
                return await self._api.start_stream(
                    address.key.channel,
                    details["thread_ts"],
                    message.text,
                    user_id=details["recipient_user"],
                    team_id=team,
                )
            except PlatformRefused as exc:
                self._disable_unsupported_streaming(exc)
                log.info("slack.stream_refused", error=error_code(exc))
                if error_code(exc) not in WRONG_RECIPIENT_CODES:
                    break
        return ""

    async def _append(self, ref: MessageRef, text: str, *, final: bool, blocks: Blocks) -> MessageRef:
        """Append ``more``; with ``last`` the same call ends the stream."""
        if final:
            await self._api.stop_stream(ref.channel, ref.message_id, text, blocks=blocks)
            return replace(ref, mode=DeliveryModeName.EDIT)
        if text:
            await self._api.append_stream(ref.channel, ref.message_id, text)
        return ref

    async def _convert_to_edit(
        self,
        ref: MessageRef,
        message: RenderedMessage,
        blocks: Blocks,
        *,
        final: bool,
        refusal: PlatformRefused,
    ) -> MessageRef:
        """Go on with a stream that takes no more text as with any message."""
        code = error_code(refusal)
        self._disable_unsupported_streaming(refusal)
        log.info("slack.stream_abandoned", error=code)
        if code == "stopped_by_user" and not final:
            # The person does not want more of it; what core makes of the event is written last.
            return replace(ref, mode=DeliveryModeName.EDIT)
        if code == "message_not_in_streaming_state" or is_unsupported(refusal):
            await self._api.edit(ref.channel, ref.message_id, message.text, blocks=blocks)
            return replace(ref, mode=DeliveryModeName.EDIT)
        return await self._rewrite_stream(ref, message, blocks)

    async def _rewrite_stream(self, ref: MessageRef, message: RenderedMessage, blocks: Blocks) -> MessageRef:
        """End the stream and say everything anew: what stands there is not known or no beginning."""
        self._mark_uncertain(ref)
        await self._api.close_stream(ref.channel, ref.message_id)
        await self._api.edit(ref.channel, ref.message_id, message.text, blocks=blocks)
        self._uncertain_streams.pop(ref.message_id, None)
        return replace(ref, mode=DeliveryModeName.EDIT)

    def _mark_uncertain(self, ref: MessageRef) -> None:
        self._uncertain_streams[ref.message_id] = None
        while len(self._uncertain_streams) > MAX_UNCERTAIN_STREAMS:
            del self._uncertain_streams[next(iter(self._uncertain_streams))]

    def _disable_unsupported_streaming(self, refusal: PlatformError) -> None:
        """Offer no more streams where Slack does not have them."""
        if is_unsupported(refusal) and self._streaming_enabled:
            self._streaming_enabled = False
            log.warning("slack.streaming_disabled", error=error_code(refusal))


def _thread_ts_of(address: Address) -> str:
    """Return the thread to post into; "" for the top level."""
    return address.details.get("thread_ts") or address.key.thread


def _button_blocks(address: Address, controls: Sequence[Button]) -> Blocks:
    return buttons.render_buttons(controls, language=address.details.get("language", ""))
