"""Calls of the Web API that write messages; they raise :mod:`core.domain.errors`.

No call is retried here. The SDK's own retry of dropped connections is off as well, because it could
post a message twice: ``chat.postMessage`` has no idempotency key.
"""

from http import HTTPStatus
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bots.slack.errors import UNSUPPORTED_CODES, error_code, translate_errors
from bots.slack.payload import BLOCK_ERROR_CODES, Blocks, message_payload, to_mrkdwn
from core.domain.errors import (
    MessageGone,
    PlatformError,
    PlatformForbidden,
    PlatformRefused,
    PlatformUnavailable,
    ThreadClosed,
)

MAX_RESPONSE_CHARS = 4_000  #: of a message's ``text``

METADATA_EVENT_TYPE = "moonthread_turn"
"""``event_type`` of the message metadata that carries the idempotency key."""

PRIVATE_REPLY = "private:"
"""Beginning of the id of a reply by ``response_url``, of which Slack tells no ts."""

STREAM_ENDED_CODES = frozenset({"message_not_in_streaming_state", "stopped_by_user"})


class MessageApi:
    """Writes messages in one workspace.

    ``blocks`` are the buttons below a message; if Slack refuses them, the text is sent without.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def post(
        self, channel: str, thread_ts: str, text: str, *, idempotency_key: str, blocks: Blocks
    ) -> str:
        """Post ``text`` (Markdown) and return its ts."""

        async def send(form: dict[str, Any]) -> str:
            with translate_errors("chat.postMessage", idempotent=False):
                answer = await self._client.chat_postMessage(
                    channel=channel,
                    thread_ts=thread_ts or None,
                    unfurl_links=False,
                    unfurl_media=False,
                    metadata={
                        "event_type": METADATA_EVENT_TYPE,
                        "event_payload": {"marker": idempotency_key},
                    },
                    **form,
                )
            ts = str(answer["ts"])
            if thread_ts and "thread_ts" not in (answer.get("message") or {"thread_ts": ""}):
                # If the thread's root is gone, Slack posts at the channel's top level, where nobody asked.
                await self.delete(channel, ts)
                raise ThreadClosed("chat.postMessage: the thread is gone")
            return ts

        try:
            return await send(message_payload(text, blocks))
        except PlatformRefused as exc:
            if not blocks or error_code(exc) not in BLOCK_ERROR_CODES:
                raise
            return await send(message_payload(text, ()))

    async def respond(self, response_url: str, text: str) -> None:
        """Show ``text`` (Markdown) to the person alone who gave a slash command.

        A ``response_url`` takes five messages within half an hour and no ``markdown_text``
        (https://docs.slack.dev/interactivity/handling-user-interaction#message_responses).

        Raises:
            PlatformForbidden: it is used up.
            PlatformError: Slack cannot be reached.
        """
        with translate_errors("response_url", idempotent=False):
            webhook = AsyncWebhookClient(response_url, session=self._client.session)
            response = await webhook.send(
                text=to_mrkdwn(text)[:MAX_RESPONSE_CHARS], response_type="ephemeral"
            )
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.status_code >= 500:
            raise PlatformUnavailable(f"response_url: HTTP {response.status_code}")
        if response.status_code != HTTPStatus.OK:
            raise PlatformForbidden(f"response_url: HTTP {response.status_code}")

    async def edit(self, channel: str, ts: str, text: str, *, blocks: Blocks = ()) -> None:
        """Replace the whole text of a message; an open stream is closed first."""

        async def send(form: dict[str, Any]) -> None:
            with translate_errors("chat.update", idempotent=True):
                await self._client.chat_update(channel=channel, ts=ts, **form)

        form = message_payload(text, blocks)
        for _ in range(2):
            try:
                return await send(form)
            except PlatformRefused as exc:
                code = error_code(exc)
                if code == "streaming_state_conflict":
                    await self.close_stream(channel, ts)
                elif blocks and code in BLOCK_ERROR_CODES:
                    form = message_payload(text, ())
                else:
                    raise
        return await send(form)

    async def delete(self, channel: str, ts: str) -> None:
        """Delete a message; succeeds if it is deleted already."""
        try:
            with translate_errors("chat.delete", idempotent=True):
                await self._client.chat_delete(channel=channel, ts=ts)
        except MessageGone as exc:
            if error_code(exc) != "message_not_found":
                raise

    async def start_stream(
        self, channel: str, thread_ts: str, text: str, *, user_id: str, team_id: str, tasks: Blocks = ()
    ) -> str:
        """Start a native stream with ``text`` below its first ``tasks`` (chunks) and return its ts."""
        with translate_errors("chat.startStream", idempotent=False):
            answer = await self._client.chat_startStream(
                channel=channel,
                thread_ts=thread_ts,
                recipient_user_id=user_id,
                recipient_team_id=team_id,
                **_stream_content(text, tasks),
            )
            return str(answer["ts"])

    async def append_stream(self, channel: str, ts: str, text: str, *, tasks: Blocks = ()) -> None:
        """Append ``tasks`` (chunks) and ``text`` to a stream; a lost reply leaves it open."""
        with translate_errors("chat.appendStream", idempotent=False):
            await self._client.chat_appendStream(channel=channel, ts=ts, **_stream_content(text, tasks))

    async def stop_stream(
        self, channel: str, ts: str, text: str, *, blocks: Blocks = (), tasks: Blocks = ()
    ) -> None:
        """Append ``tasks`` (chunks) and ``text`` ("" for none) to a stream and end it."""

        async def send(shown: Blocks) -> None:
            # A second call after a lost reply appends nothing: the stream is closed by then.
            with translate_errors("chat.stopStream", idempotent=True):
                await self._client.chat_stopStream(
                    channel=channel, ts=ts, blocks=shown or None, **_stream_content(text, tasks)
                )

        try:
            await send(blocks)
        except PlatformRefused as exc:
            if not blocks or error_code(exc) not in BLOCK_ERROR_CODES:
                raise
            await send(())

    async def close_stream(self, channel: str, ts: str) -> None:
        """End a stream without more text; succeeds if it has ended already."""
        try:
            await self.stop_stream(channel, ts, "")
        except PlatformRefused as exc:
            if error_code(exc) not in STREAM_ENDED_CODES | UNSUPPORTED_CODES:
                raise


def is_unsupported(error: PlatformError) -> bool:
    """Return whether Slack does not offer the method at all."""
    return error_code(error) in UNSUPPORTED_CODES


def _stream_content(text: str, tasks: Blocks) -> dict[str, Any]:
    """Return the arguments that add to a stream; ``markdown_text`` excludes ``chunks``."""
    if not tasks:
        return {"markdown_text": text or None}
    return {"chunks": [*tasks, *([{"type": "markdown_text", "text": text}] if text else [])]}
