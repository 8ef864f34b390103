"""The calls that write messages, each one a plain verb that raises :mod:`core.domain.errors`.

No call is retried here. The SDK's own retry of dropped connections is off as well, since it could
post a message twice: Slack offers no idempotency key for ``chat.postMessage``.
"""

from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import code_of, translated
from bots.slack.form import BLOCKS_REFUSED, Blocks, form_of
from core.domain.errors import MessageGone, SurfaceError, SurfaceRefused

METADATA_EVENT = "moonthread_turn"
"""The ``event_type`` of the metadata that carries a message's marker."""

NOT_STREAMING = frozenset({"message_not_in_streaming_state", "stopped_by_user"})
UNSUPPORTED = frozenset({"unknown_method", "method_deprecated", "feature_not_enabled"})
"""Slack does not offer a method here, for good (GovSlack, for one)."""


class Writer:
    """Messages in one workspace. ``blocks`` are the buttons; where refused, the text goes alone."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def post(self, channel: str, thread_ts: str, text: str, *, marker: str, blocks: Blocks) -> str:
        """Post ``text`` (Markdown) and return its ts."""

        async def send(form: dict[str, Any]) -> str:
            with translated("chat.postMessage", repeatable=False):
                answer = await self._client.chat_postMessage(
                    channel=channel,
                    thread_ts=thread_ts or None,
                    unfurl_links=False,
                    unfurl_media=False,
                    metadata={"event_type": METADATA_EVENT, "event_payload": {"marker": marker}},
                    **form,
                )
                return str(answer["ts"])

        try:
            return await send(form_of(text, blocks))
        except SurfaceRefused as exc:
            if not blocks or code_of(exc) not in BLOCKS_REFUSED:
                raise
            return await send(form_of(text, ()))

    async def update(self, channel: str, ts: str, text: str, *, blocks: Blocks = ()) -> None:
        """Replace the whole text of a message; a stream that is still open is closed first."""

        async def send(form: dict[str, Any]) -> None:
            with translated("chat.update", repeatable=True):
                await self._client.chat_update(channel=channel, ts=ts, **form)

        form = form_of(text, blocks)
        for _ in range(2):
            try:
                return await send(form)
            except SurfaceRefused as exc:
                code = code_of(exc)
                if code == "streaming_state_conflict":
                    await self.close_stream(channel, ts)
                elif blocks and code in BLOCKS_REFUSED:
                    form = form_of(text, ())
                else:
                    raise
        return await send(form)

    async def delete(self, channel: str, ts: str) -> None:
        """Take a message away; one that is gone already is success."""
        try:
            with translated("chat.delete", repeatable=True):
                await self._client.chat_delete(channel=channel, ts=ts)
        except MessageGone as exc:
            if code_of(exc) != "message_not_found":
                raise

    async def start_stream(self, channel: str, thread_ts: str, text: str, *, user: str, team: str) -> str:
        """Begin a native stream that already says ``text``, and return its ts."""
        with translated("chat.startStream", repeatable=False):
            answer = await self._client.chat_startStream(
                channel=channel,
                thread_ts=thread_ts,
                markdown_text=text,
                recipient_user_id=user,
                recipient_team_id=team,
            )
            return str(answer["ts"])

    async def append(self, channel: str, ts: str, text: str) -> None:
        """Add ``text`` to what a stream says; a lost answer leaves open whether it stands there."""
        with translated("chat.appendStream", repeatable=False):
            await self._client.chat_appendStream(channel=channel, ts=ts, markdown_text=text)

    async def stop_stream(self, channel: str, ts: str, text: str, *, blocks: Blocks = ()) -> None:
        """Add ``text`` ("" for none) to what a stream says, and end it."""

        async def send(shown: Blocks) -> None:
            # A second call after a lost answer adds nothing: the stream is closed by then.
            with translated("chat.stopStream", repeatable=True):
                await self._client.chat_stopStream(
                    channel=channel, ts=ts, markdown_text=text or None, blocks=shown or None
                )

        try:
            await send(blocks)
        except SurfaceRefused as exc:
            if not blocks or code_of(exc) not in BLOCKS_REFUSED:
                raise
            await send(())

    async def close_stream(self, channel: str, ts: str) -> None:
        """End a stream as it stands; one that has ended already is success."""
        try:
            await self.stop_stream(channel, ts, "")
        except SurfaceRefused as exc:
            if code_of(exc) not in NOT_STREAMING | UNSUPPORTED:
                raise


def is_unsupported(error: SurfaceError) -> bool:
    """Tell whether Slack said that it does not offer the method at all."""
    return code_of(error) in UNSUPPORTED
