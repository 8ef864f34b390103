"""What people do besides writing: they use shortcuts, send dialogs, and open the app's home tab."""

import uuid
from typing import Any

from bots.simulator.slack import calls_views, events
from bots.simulator.slack.delivery import Envelope
from bots.simulator.slack.people import People
from bots.simulator.slack.records import Json
from bots.simulator.slack.workspace import APP_ID


class Menus(People):
    """The menus of messages, dialogs and the home tab."""

    async def use_shortcut(self, callback_id: str, channel: str, ts: str, person: str) -> bool:
        """Choose a shortcut of the app in a message's menu; return whether the app acknowledged it.

        The bot need not be in the channel; the person must see the message.
        """
        place = self.workspace.channels[channel]
        if person not in place.members and place.kind != "channel":
            raise ValueError(f"{person} does not see {channel}")
        message = place.messages[ts]
        payload = {
            "type": "message_action",
            "callback_id": callback_id,
            "trigger_id": self._trigger(person),
            "action_ts": self.workspace.new_ts(),
            "message_ts": ts,
            "message": message.as_json(),
            "channel": {"id": channel, "name": place.name or "directmessage"},
            "response_url": self._response_url(channel, person),
            **self._who(person),
        }
        return (await self.dispatcher.once(Envelope(kind="interactive", payload=payload))).acked

    async def send_dialog(self, person: str, *values: str) -> bool:
        """Fill the fields of the dialog that a person sees, and send it.

        Raises:
            ValueError: they see none, or a field does not take so much text.
        """
        view = self.workspace.dialogs.pop(person, None)
        if view is None:
            raise ValueError(f"{person} sees no dialog")
        payload = {
            "type": "view_submission",
            "trigger_id": self._trigger(person),
            "view": calls_views.submitted(view, values),
            "response_urls": [],
            **self._who(person),
        }
        return (await self.dispatcher.once(Envelope(kind="interactive", payload=payload))).acked

    async def open_home(self, person: str, tab: str = "home") -> None:
        """Open the app's home tab, or its messages."""
        channel = self.workspace.direct(person)
        event = events.home_opened(person, channel.id, tab, self.workspace.new_ts())
        self.workspace.emit(None, event)

    def _trigger(self, person: str) -> str:
        trigger = f"{self.workspace.epoch_s()}.{uuid.uuid4().hex[:12]}"
        self.workspace.triggers[trigger] = (person, self.workspace.clock.time())
        return trigger

    def _who(self, person: str) -> Json:
        who = self.workspace.people[person]
        user: dict[str, Any] = {"id": person, "username": who.name, "name": who.name, "team_id": who.team}
        return {
            "user": user,
            "team": {"id": self.workspace.team, "domain": "team"},
            "enterprise": None,
            "is_enterprise_install": False,
            "api_app_id": APP_ID,
            "token": "verification-test",
        }
