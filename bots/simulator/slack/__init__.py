"""A strict local Slack: Web API, native streams, Socket Mode, signed HTTP events, and its people.

::

    async with SlackSimulator() as slack:
        ada = slack.add_person("Ada")
        general = slack.add_channel("general", [ada])
        ...  # connect an app: AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
        await slack.connected()
        root = await slack.say(general, ada, f"<@{slack.bot_user}> hello")
        slack.screen.in_channel(general, by_bot=True)

It refuses what the real service refuses, with the same error codes, on its clock.
"""

from bots.simulator.slack.app import SeenCall
from bots.simulator.slack.delivery import Delivered
from bots.simulator.slack.limits import Limits
from bots.simulator.slack.stand_in import SlackSimulator
from bots.simulator.slack.workspace import Ping

__all__ = ["Delivered", "Limits", "Ping", "SeenCall", "SlackSimulator"]
