"""What people do in the workspace: speak, edit, press, share, stop."""

import uuid
from collections.abc import Sequence

from bots.simulator.slack import calls_streams, events, rules, stored
from bots.simulator.slack.contents import Contents
from bots.simulator.slack.delivery import Dispatcher, Envelope
from bots.simulator.slack.records import ChannelKind, Json, Message, Person, UserGroup, buttons_of
from bots.simulator.slack.response_urls import ResponseUrls
from bots.simulator.slack.workspace import APP_ID

FAILED_COMMAND = "{command} failed because the app did not respond"  #: what Slack tells the person


class People(Contents):
    """The people side of the stand-in. Ids are Slack's: U… people, C… and D… channels, ts messages."""

    dispatcher: Dispatcher
    replies: ResponseUrls
    _mention_first = False

    def add_person(self, name: str, external_team: str = "", *, admin: bool = False) -> str:
        """Add a member, or with ``external_team`` somebody of another workspace; return the user id.

        An ``admin`` is one of the workspace that they belong to.
        """
        team = external_team or self.workspace.team
        person = Person(
            id=self.workspace.new_id("U"), name=name, team=team, external=bool(external_team), admin=admin
        )
        self.workspace.people[person.id] = person
        return person.id

    def add_group(self, handle: str, members: Sequence[str]) -> str:
        """Make a user group, mentioned as @handle; return its id."""
        group = UserGroup(
            id=self.workspace.new_id("S"), name=handle.title(), handle=handle, members=set(members)
        )
        self.workspace.groups[group.id] = group
        return group.id

    def add_channel(
        self,
        name: str,
        members: Sequence[str],
        *,
        private: bool = False,
        shared: bool = False,
        with_bot: bool = True,
        group_dm: bool = False,
    ) -> str:
        """Create a channel, or a direct conversation of several; return its id.

        The bot is in it unless ``with_bot`` is False.
        """
        everybody = {*members, *([self.workspace.bot.id] if with_bot else [])}
        kind: ChannelKind = "mpim" if group_dm else "group" if private else "channel"
        return self.workspace.add_channel(name, kind, everybody, shared=shared).id

    def open_dm(self, person: str) -> str:
        """Return the id of the direct conversation of ``person`` with the bot."""
        return self.workspace.direct(person).id

    def archive(self, channel: str) -> None:
        """Archive a channel."""
        self.workspace.channels[channel].archived = True

    async def say(
        self,
        channel: str,
        person: str,
        text: str,
        thread_ts: str | None = None,
        *,
        client_msg_id: str | None = None,
        broadcast: bool = False,
        blocks: Sequence[Json] = (),
        attachments: Sequence[Json] = (),
        subtype: str = "",
    ) -> str:
        """Say something; return its ts.

        ``text`` is as typed; a mention is ``<@U…>``, and ``& < >`` are escaped as Slack does.
        """
        subtype = "thread_broadcast" if broadcast and thread_ts else subtype
        return self._speak(
            channel,
            person,
            text,
            thread_ts=thread_ts or "",
            subtype=subtype,
            client_msg_id=client_msg_id or str(uuid.uuid4()),
            blocks=list(blocks),
            attachments=list(attachments),
        ).ts

    def _speak(self, channel: str, person: str, text: str, **rest: object) -> Message:
        place = self.workspace.channels[channel]
        if person not in place.members:
            raise ValueError(f"{person} is not in {channel}")
        author = self.workspace.people[person]
        message = self.workspace.draft(place, author, text, **rest)
        mentions = rules.mentions(message.text, self.workspace.bot.id)
        mentioned = mentions and place.kind not in ("im", "mpim") and message.subtype != "channel_join"
        # The two events of a mention come in either order on the real service.
        if mentioned and self._mention_first:
            self.workspace.emit(place, events.mentioned(place, message))
        self.workspace.post(message)
        if mentioned and not self._mention_first:
            self.workspace.emit(place, events.mentioned(place, message))
        self._mention_first ^= mentioned
        return message

    async def edit(self, channel: str, ts: str, text: str) -> None:
        """The author changes a message."""
        message = self.workspace.channels[channel].messages[ts]
        previous = message.as_json()
        message.source, message.text = text, stored.typed(text)
        message.edited_ts = self.workspace.new_ts()
        self.workspace.changed(message, previous)

    async def delete(self, channel: str, ts: str) -> None:
        """Somebody takes a message away: its author, or an admin one of the bot's."""
        message = self.workspace.channels[channel].messages[ts]
        if message.stream is not None and message.streaming:
            message.stream.state = "stopped"
        self.workspace.remove(message)

    async def react(self, channel: str, ts: str, person: str, name: str, *, remove: bool = False) -> None:
        """Put an emoji on a message, or take it away."""
        message = self.workspace.channels[channel].messages[ts]
        users = message.reactions.setdefault(name, [])
        (users.remove if remove else users.append)(person)
        if not users:
            del message.reactions[name]
        kind = "reaction_removed" if remove else "reaction_added"
        event = events.reacted(kind, person, message, name, self.workspace.new_ts())
        self.workspace.emit(self.workspace.channels[channel], event)

    async def join(self, channel: str, person: str) -> str:
        """Somebody joins: a channel_join message and member_joined_channel; return the message's ts."""
        place = self.workspace.channels[channel]
        place.members.add(person)
        team = self.workspace.people[person].team
        text = f"<@{person}> has joined the channel"
        message = self._speak(channel, person, text, subtype="channel_join", bot_id="", app_id="")
        self.workspace.emit(place, events.joined(place, person, team, self.workspace.new_ts()))
        return message.ts

    async def leave(self, channel: str, person: str) -> None:
        """Somebody leaves, or is removed; the bot can leave too."""
        self.workspace.channels[channel].members.remove(person)

    async def slash(self, command: str, text: str, channel: str, person: str) -> str:
        """Send a slash command; return the ts of what the app answered at once, "" if nothing.

        An app that does not acknowledge shows the person Slack's own failure note.
        """
        place, who = self.workspace.channels[channel], self.workspace.people[person]
        payload: Json = {
            "token": "verification-test",
            "team_id": self.workspace.team,
            "team_domain": "team",
            "channel_id": channel,
            "channel_name": place.name or "directmessage",
            "user_id": person,
            "user_name": who.name,
            "command": command,
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self._response_url(channel, person),
            "trigger_id": f"{self.workspace.epoch_s()}.{uuid.uuid4().hex[:12]}",
        }
        outcome = await self.dispatcher.once(Envelope(kind="slash_commands", payload=payload))
        if not outcome.acked:
            return self.replies.say(channel, person, {"text": FAILED_COMMAND.format(command=command)})
        return self.replies.say(channel, person, outcome.reply or {})

    async def press(self, channel: str, ts: str, action_id: str, value: str | None, person: str) -> bool:
        """Press a button under a message; return whether the app acknowledged it.

        Raises:
            ValueError: the message shows no such button.
        """
        message = self.workspace.channels[channel].messages[ts]
        for _, held, action in buttons_of(message.blocks):
            if action["action_id"] == action_id and value in (None, held):
                payload = self._pressed(message, {**action, "action_ts": self.workspace.new_ts()}, person)
                outcome = await self.dispatcher.once(Envelope(kind="interactive", payload=payload))
                return outcome.acked
        raise ValueError(f"no button {action_id!r} with value {value!r} under {ts}")

    async def forge_press(self, channel: str, ts: str, action_id: str, value: str, person: str) -> bool:
        """Send a press of a button that a message does not have; return whether the app acknowledged it.

        Whether Slack lets a changed client do so is not documented; an app should not rely on it.
        """
        message = self.workspace.channels[channel].messages[ts]
        action = {
            "type": "button",
            "block_id": "forged",
            "action_id": action_id,
            "value": value,
            "action_ts": self.workspace.new_ts(),
        }
        payload = self._pressed(message, action, person)
        return (await self.dispatcher.once(Envelope(kind="interactive", payload=payload))).acked

    def _pressed(self, message: Message, action: Json, person: str) -> Json:
        who, place = self.workspace.people[person], self.workspace.channels[message.channel]
        container: Json = {
            "type": "message",
            "message_ts": message.ts,
            "channel_id": place.id,
            "is_ephemeral": bool(message.visible_to),
        }
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        return {
            "type": "block_actions",
            "user": {"id": person, "username": who.name, "name": who.name, "team_id": who.team},
            "api_app_id": APP_ID,
            "token": "verification-test",
            "container": container,
            "trigger_id": f"{self.workspace.epoch_s()}.{uuid.uuid4().hex[:12]}",
            "team": {"id": self.workspace.team, "domain": "team"},
            "enterprise": None,
            "is_enterprise_install": False,
            "channel": {"id": place.id, "name": place.name or "directmessage"},
            "message": message.as_json(),
            "state": {"values": {}},
            "response_url": self._response_url(place.id, person, message),
            "actions": [action],
        }

    def _response_url(self, channel: str, person: str, original: Message | None = None) -> str:
        return f"{self.base_url}/response/{self.replies.make(channel, person, original)}"

    async def stop_button(self, channel: str, thread_ts: str, person: str) -> list[str]:
        """Press Stop on a running agent session; return the ts of the streams that this ended.

        Raises:
            ValueError: the session is not processing, or the app takes no such event: no button.
        """
        session = self.workspace.sessions.get((channel, thread_ts), {})
        if session.get("status") != "processing":
            raise ValueError(f"no Stop button in {channel} under {thread_ts}: {session}")
        return calls_streams.stop_by(self.workspace, self.workspace.channels[channel], thread_ts, person)

    async def change_channel_id(self, channel: str) -> str:
        """Give a channel a new id, as when it becomes shared; return it."""
        place = self.workspace.channels.pop(channel)
        place.id = self.workspace.new_id("C")
        place.shared = True
        self.workspace.channels[place.id] = place
        for message in place.messages.values():
            message.channel = place.id
        self.workspace.emit(None, events.renamed(channel, place.id, self.workspace.new_ts()))
        return place.id
