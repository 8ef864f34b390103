"""response_url of slash commands and buttons: five uses within thirty minutes."""

import uuid
from dataclasses import dataclass

from bots.simulator.slack import rules, stored
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Json, Message
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace

USES, LIFE_S = 5, 1800.0


@dataclass(slots=True, kw_only=True)
class _Way:
    """One response_url: where it leads and how often it may still be used."""

    channel: str
    person: str
    original: Message | None  #: the message whose button was pressed
    expires_at: float
    uses: int = USES


class ResponseUrls:
    """All response_urls that were handed out."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ways: dict[str, _Way] = {}

    def make(self, channel: str, person: str, original: Message | None = None) -> str:
        """Return the key of a new response_url."""
        key = uuid.uuid4().hex
        expires_at = self._workspace.clock.time() + LIFE_S
        self._ways[key] = _Way(channel=channel, person=person, original=original, expires_at=expires_at)
        return key

    def use(self, key: str, params: Params) -> None:
        """Do what a POST to a response_url asks for.

        Raises:
            SlackRefusal: expired_url, used_url, no_text and the faults of content.
        """
        way = self._ways.get(key)
        if way is None or self._workspace.clock.time() > way.expires_at:
            raise SlackRefusal("expired_url")
        if way.uses <= 0:
            raise SlackRefusal("used_url")
        way.uses -= 1
        if way.original is not None and params.flag("delete_original"):
            self._workspace.remove(way.original)
            return
        text, blocks = params.text("text"), params.objects("blocks", "invalid_blocks") or []
        rules.check_content(
            text=text, markdown_text=None, blocks=blocks, attachments=None, text_chars=rules.POST_TEXT_CHARS
        )
        if way.original is not None and params.flag("replace_original"):
            self._replace(way.original, text or "", blocks)
        else:
            self.say(way.channel, way.person, params.values)

    def _replace(self, original: Message, text: str, blocks: list[Json]) -> None:
        previous = original.as_json()
        original.source, original.text = text, stored.mrkdwn(text)
        original.blocks = blocks
        self._workspace.changed(original, previous)

    def say(self, channel: str, person: str, body: Json) -> str:
        """Show what the app answered to a command: to the person alone, or in the channel.

        Returns the ts of the message, "" where the app answered nothing.
        """
        text, blocks = str(body.get("text") or ""), body.get("blocks") or []
        if not text and not blocks:
            return ""
        visible_to = "" if body.get("response_type") == "in_channel" else person
        place = self._workspace.channels[channel]
        message = self._workspace.draft(
            place,
            self._workspace.bot,
            text,
            blocks=blocks,
            visible_to=visible_to,
            thread_ts=str(body.get("thread_ts") or ""),
        )
        return self._workspace.post(message).ts
