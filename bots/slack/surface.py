"""Implements :class:`core.ports.platform.MessageChannel` for Slack.

It offers two delivery modes. "stream" is Slack's native streaming: text is appended, for about five
minutes at most. "edit" posts a message and replaces its whole text. A stream that cannot continue
becomes an edited message with a call of ``chat.update``.

It reads these keys of ``Address.details``:

- ``status_ts``, ``question_ts``: the message or thread below which a status is shown, and the question
- ``recipient_user``, ``recipient_team``: the person that a stream is for, and their team
- ``language``: BCP 47 tag of the person's client; "" if unknown
- ``response_url``, ``private_url``, ``private_thread``: see :mod:`bots.slack.private_messages`
"""

from collections.abc import Sequence
from dataclasses import replace

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.buttons import render_buttons
from bots.slack.errors import UNTHREADABLE_CODES, error_code
from bots.slack.limits import SlackLimits
from bots.slack.message_api import PRIVATE_REPLY, MessageApi
from bots.slack.people import BotAccount
from bots.slack.private_messages import PrivateAnswers, is_private
from bots.slack.render import SlackRenderer
from bots.slack.streams import SlackStreams, text_of
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
    PlatformForbidden,
    PlatformRefused,
    ThreadClosed,
)
from core.markdown.mentions import MentionCodec
from core.ports.platform import Budget, DeliveryMode, Renderer

log = structlog.get_logger()


class SlackMessageChannel:
    """Shows messages in one workspace."""

    thinking_style = ThinkingStyle.LINE
    can_find_by_key = True

    def __init__(
        self,
        client: AsyncWebClient,
        history: ThreadHistory,
        *,
        limits: SlackLimits,
        account: BotAccount,
        mentions: MentionCodec | None = None,
    ) -> None:
        """Build the channel.

        Args:
            client: calls the Web API.
            history: finds messages whose ts was lost.
            limits: the rate limits to keep.
            account: tells whether the app has the agent view, so that threads are sessions.
            mentions: recognises links that are our own mentions.
        """
        self._mentions = mentions
        self._api, self._history = MessageApi(client), history
        self._private_answers = PrivateAnswers(client)
        self._typing_indicator = TypingIndicator(client, account)
        self._limits = limits
        self._streams = SlackStreams(self._api, limits)

    def build_renderer(self, address: Address) -> Renderer:
        """Return a renderer; if streams are available, it only appends to its earlier output."""
        return SlackRenderer(streaming=self._streams.can_begin(address), mentions=self._mentions)

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return "stream" if one is possible at ``address``, and "edit"."""
        if is_private(address):
            return self._limits.private_modes()
        edit = self._limits.edit_mode(address.key.tenant, address.key.channel)
        can_stream = self._streams.can_begin(address)
        return (self._streams.mode(address.key.tenant), edit) if can_stream else (edit,)

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budget of the method that shows a status; () if none can be shown."""
        if not self._typing_indicator.is_available(address):
            return ()
        return (self._limits.method_budget(address.key.tenant, self._typing_indicator.method),)

    def status_refresh_s(self, address: Address) -> float:
        """Return an interval below Slack's two minutes; 0 if the status does not expire."""
        return self._limits.status_refresh_s if self._typing_indicator.expires(address) else 0.0

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Show or clear what tells that Kimi is thinking; every error but a rate limit is ignored."""
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
        """Show a new message: a stream if ``mode`` says so and Slack accepts it, else a post."""
        channel, thread = address.key.channel, address.key.thread
        blocks = render_buttons(buttons, language=address.details.get("language", ""))
        if is_private(address) or (address.details.get("response_url") and not blocks):
            return await self._private_answers.post(address, message, idempotency_key, final=final)
        try:
            if mode is DeliveryModeName.STREAM and self._streams.can_begin(address):
                ts = await self._streams.start(address, message)
                if ts:
                    self._typing_indicator.sessions.mark_streaming(address)
                    return MessageRef(channel=channel, message_id=ts, mode=DeliveryModeName.STREAM)
            ts = await self._api.post(
                channel, thread, text_of(message), idempotency_key=idempotency_key, blocks=blocks
            )
        except ThreadClosed as exc:
            if error_code(exc) not in UNTHREADABLE_CODES:
                raise
            ts = await self._api.post(
                channel, "", text_of(message), idempotency_key=idempotency_key, blocks=blocks
            )
        indicator = self._typing_indicator
        await (indicator.mark_finished(address) if final else indicator.sessions.mark_running(address))
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
        """Show ``message``: appended if ``ref`` is a stream that shows a prefix of it, else as a whole."""
        blocks = render_buttons(buttons, language=address.details.get("language", ""))
        if ref.message_id.startswith(PRIVATE_REPLY):
            return await self._private_answers.edit(address, ref, message, final=final)
        if ref.mode is not DeliveryModeName.STREAM:
            await self._api.edit(ref.channel, ref.message_id, message.text, blocks=blocks)
            if final:
                await self._typing_indicator.mark_finished(address, force=previous is None)
            elif previous is None:
                await self._typing_indicator.sessions.mark_running(address)
            return ref
        if (
            previous is None
            or not message.text.startswith(previous.text)
            or self._streams.is_uncertain(ref.message_id)
        ):
            after = await self._streams.rewrite(ref, message, blocks)
        else:
            try:
                return await self._streams.append(ref, message, blocks, previous=previous, final=final)
            except PlatformRefused as exc:
                after = await self._streams.convert_to_edit(ref, message, blocks, final=final, refusal=exc)
        await (
            self._typing_indicator.mark_finished(address, force=True)
            if final
            else self._typing_indicator.sessions.mark_running(address)
        )
        return after

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Delete a message; succeeds if it is deleted already."""
        self._streams.forget(ref.message_id)
        if not ref.message_id.startswith(PRIVATE_REPLY):
            await self._api.delete(ref.channel, ref.message_id)

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """End the stream that a dead process left open; its text remains until the next edit."""
        if ref.mode is DeliveryModeName.STREAM and not ref.message_id.startswith(PRIVATE_REPLY):
            await self._api.close_stream(ref.channel, ref.message_id)
        return replace(ref, mode=DeliveryModeName.EDIT)

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Find a message of ours after the question, by its key or else the oldest without a key.

        A stream carries no key. Messages in ``exclude`` belong to other answers.

        Raises:
            core.domain.errors.PlatformError: Slack cannot be reached or is rate limited.
        """
        thread_ts = address.key.thread
        if is_private(address):
            return None
        try:
            ours = await self._history.own_messages(
                address.key.channel, thread_ts, after=after_message_id or thread_ts
            )
        except (PlatformRefused, PlatformForbidden) as exc:
            log.warning("slack.post_lookup_failed", error=str(exc))
            return None
        candidates = [one for one in ours if one["ts"] not in exclude]
        marked = next((one for one in candidates if idempotency_key_of(one) == idempotency_key), None)
        found = marked or next((one for one in candidates if not idempotency_key_of(one)), None)
        if found is None:
            return None
        mode = DeliveryModeName.EDIT if marked else DeliveryModeName.STREAM
        return MessageRef(channel=address.key.channel, message_id=found["ts"], mode=mode)
