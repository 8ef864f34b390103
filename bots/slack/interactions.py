"""What people do in Slack's own surfaces that changes nothing stored: they open a dialog, or the home tab."""

import contextlib
from collections.abc import Mapping
from typing import Any, Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack import shortcuts
from bots.slack.addressing import tenant_of
from bots.slack.app_home import AppHome, is_home_opened
from bots.slack.errors import translate_errors
from bots.slack.message_api import MessageApi
from bots.slack.names import NameDirectory
from bots.slack.people import BotAccount, person_of
from bots.slack.references import References
from core.domain.errors import PlatformError

log = structlog.get_logger(__name__)

NAME_LOOKUP_TIMEOUT_S: Final = 1.0  #: of the three seconds for which a trigger_id is good


class Interactions:
    """Responds to such deliveries."""

    def __init__(self, client: AsyncWebClient, names: NameDirectory, account: BotAccount) -> None:
        """``names`` knows people's languages; ``account`` is the bot's."""
        self._client, self._names, self._account = client, names, account
        self.home = AppHome(client)

    async def handle(self, body: Mapping[str, Any]) -> bool:
        """Respond to a delivery; return False if it is none of these."""
        if shortcuts.opens_dialog(body):
            await self._open_dialog(body, str(body["user"]["id"]))
            return True
        if is_home_opened(body):
            person_id = str(body["event"]["user"])
            tenant = tenant_of(body, self._account.identity)
            if tenant == self._account.identity.team_id:
                self.home.open(person_id, tenant, await self._language_of(person_id))
            return True
        return False

    async def _open_dialog(self, body: Mapping[str, Any], person_id: str) -> None:
        """Open the dialog that a shortcut asks for.

        Source: https://docs.slack.dev/interactivity/handling-user-interaction#modal_responses
        """
        language = await self._language_of(person_id)
        try:
            with translate_errors("views.open", idempotent=False):
                await self._client.views_open(
                    trigger_id=str(body["trigger_id"]), view=shortcuts.build_dialog(body, language)
                )
        except PlatformError as exc:
            log.warning("slack.dialog_not_opened", error=str(exc))
            with contextlib.suppress(PlatformError):
                text = shortcuts.dialog_failed_text(language)
                await MessageApi(self._client).respond(str(body["response_url"]), text)

    async def _language_of(self, person_id: str) -> str:
        """Return the language of a person's client as a BCP 47 tag; "" if it cannot be had soon."""
        known = await self._names.lookup(References(people={person_id}), timeout_s=NAME_LOOKUP_TIMEOUT_S)
        return person_of(person_id, known.profiles).language
