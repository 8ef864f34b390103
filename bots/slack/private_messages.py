"""Messages that one person sees: ephemeral ones, else direct messages."""

from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from bots.slack.message_api import MessageApi
from bots.slack.payload import escape
from core.domain.addresses import Address
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
