"""Messages that one person sees: ephemeral ones, else direct messages.

These keys of ``Address.details`` ask for them:

- ``response_url``: of a slash command, for a reply that only its author sees
- ``private_url``, ``private_thread``: of a shortcut, whose answer only ``recipient_user`` sees. Slack cannot
  let such a message grow, so it is shown once it is complete; it has no buttons.
"""

from dataclasses import replace

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from bots.slack.message_api import PRIVATE_REPLY, MessageApi
from bots.slack.payload import escape
from core.domain.addresses import Address
from core.domain.bot_messages import DeliveryModeName, MessageRef, RenderedMessage
from core.domain.errors import PlatformForbidden, PlatformRefused


class SlackPrivateMessages:
    """Writes to people of one workspace. Implements :class:`core.ports.private_messages.PrivateMessages`."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client, self._api = client, MessageApi(client)

    async def send_private(self, address: Address, person_id: str, text: str) -> None:
        """Show plain text to a person in the channel, at its top level, or if Slack refuses that, in a DM.

        A slash command has a way of its own, which is open also where the bot is no member.

        Sources: https://docs.slack.dev/reference/methods/chat.postEphemeral, and for a person's id as the
        channel https://docs.slack.dev/reference/methods/chat.postMessage#channels

        Raises:
            PlatformError: Slack refused both, or cannot be reached.
        """
        if url := address.details.get("slash_url"):
            await self._api.respond(url, text)
            return
        try:
            with translate_errors("chat.postEphemeral", idempotent=False):
                await self._client.chat_postEphemeral(
                    channel=address.key.channel, user=person_id, text=escape(text)
                )
        except (PlatformForbidden, PlatformRefused):
            with translate_errors("chat.postMessage", idempotent=False):
                await self._client.chat_postMessage(channel=person_id, text=escape(text))


class PrivateAnswers:
    """Answers to shortcuts: one person alone sees them, and none before it is complete."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client, self._api = client, MessageApi(client)

    async def post(
        self, address: Address, message: RenderedMessage, idempotency_key: str, *, final: bool
    ) -> MessageRef:
        """Return the reference of a new answer, which is shown if it is complete, or replies to a command.

        Raises:
            PlatformError: it was not shown, or it is not known whether it was.
        """
        ref = MessageRef(
            channel=address.key.channel,
            message_id=f"{PRIVATE_REPLY}{idempotency_key}",
            mode=DeliveryModeName.STREAM,
        )
        if response_url := address.details.get("response_url"):
            await self._api.respond(response_url, message.text)
            return replace(ref, mode=DeliveryModeName.EDIT)
        return await self.edit(address, ref, message, final=final)

    async def edit(
        self, address: Address, ref: MessageRef, message: RenderedMessage, *, final: bool
    ) -> MessageRef:
        """Show an answer once it is complete; the reply to a slash command was shown when it was posted.

        Raises:
            PlatformError: it was not shown, or it is not known whether it was.
        """
        if not final or not is_private(address):
            return ref
        await self._show(address, message.text)
        return replace(ref, mode=DeliveryModeName.EDIT)

    async def _show(self, address: Address, text: str) -> None:
        """Show Markdown to a person in the shortcut's thread or channel, else in a direct message.

        An ephemeral message takes Markdown as others do, and needs the bot in the channel; the shortcut's own
        way, open for half an hour, does not (https://docs.slack.dev/reference/methods/chat.postEphemeral).
        """
        details = address.details
        person_id = details["recipient_user"]
        try:
            with translate_errors("chat.postEphemeral", idempotent=False):
                await self._client.chat_postEphemeral(
                    channel=address.key.channel,
                    user=person_id,
                    thread_ts=details.get("private_thread") or None,
                    markdown_text=text,
                )
        except (PlatformForbidden, PlatformRefused):
            try:
                await self._api.respond(details["private_url"], text)
            except PlatformForbidden:
                with translate_errors("chat.postMessage", idempotent=False):
                    await self._client.chat_postMessage(channel=person_id, markdown_text=text)


def is_private(address: Address) -> bool:
    """Return whether only the person who asked may see what is shown at an address."""
    return bool(address.details.get("private_url"))
