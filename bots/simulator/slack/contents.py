"""What people and apps post besides words: files, tables, forwarded messages, alerts."""

import uuid
from abc import abstractmethod
from collections.abc import Sequence

from bots.simulator.slack.records import Json, Message, Person
from bots.simulator.slack.workspace import Workspace

STUB_KEYS = ("id", "created", "mode", "file_access")
"""What the event of a Slack Connect channel says of a file.

Source: https://docs.slack.dev/reference/events/message/file_share
"""


def cell(text: str) -> Json:
    """Return a table's cell."""
    return {"type": "raw_text", "text": text}


def pasted_table(*rows: Sequence[str]) -> Json:
    """Return the attachment that Slack's clients make of a pasted table."""
    block = {"type": "table", "rows": [[cell(one) for one in row] for row in rows]}
    return {"id": 1, "fallback": "[no preview available]", "blocks": [block]}


class Contents:
    """A part of :class:`~bots.simulator.slack.people.People`: posting what is more than words."""

    workspace: Workspace
    base_url: str

    @abstractmethod
    def _speak(self, channel: str, person: str, text: str, **rest: object) -> Message: ...

    async def share_file(
        self,
        channel: str,
        person: str,
        *,
        filename: str,
        content: bytes,
        mimetype: str = "text/plain",
        text: str = "",
        thread_ts: str | None = None,
        as_stub: bool = False,
        **fields: object,
    ) -> str:
        """Say something with a file (subtype file_share); return its ts.

        ``as_stub`` sends of the file what apps get in channels shared with another workspace, whose
        rest ``files.info`` knows; ``fields`` are further ones of the file object, such as ``mode``.
        """
        file = {**self._file(person, filename, content, mimetype), **fields}
        self.workspace.files[str(file["id"])] = (file, content)
        shown = file
        if as_stub:
            stub = {**file, "created": 0, "mode": "file_access", "file_access": "check_file_info"}
            shown = {key: stub[key] for key in STUB_KEYS}
        return self._share(channel, person, [shown], text, thread_ts)

    async def share_files(
        self,
        channel: str,
        person: str,
        files: Sequence[tuple[str, bytes, str]],
        *,
        text: str = "",
        thread_ts: str | None = None,
    ) -> str:
        """Say something with files, each as (name, content, media type); return its ts."""
        return self._share(channel, person, [self._file(person, *file) for file in files], text, thread_ts)

    async def forward(
        self, channel: str, person: str, origin: tuple[str, str], text: str = "", thread_ts: str | None = None
    ) -> str:
        """Share a message, given by its channel and ts, in ``channel``; return the new message's ts."""
        place = self.workspace.channels[origin[0]]
        message = place.messages[origin[1]]
        link = f"https://team.slack.test/archives/{place.id}/p{message.ts.replace('.', '')}"
        share: Json = {
            "is_share": True,
            "is_msg_unfurl": True,
            "ts": message.ts,
            "author_id": message.author.id,
            "author_name": message.author.name,
            "channel_id": place.id,
            "text": message.text,
            "message_blocks": [
                {"channel": place.id, "ts": message.ts, "message": {"blocks": message.blocks}}
            ],
            "attachments": message.attachments,
            "files": message.files,
            "from_url": link,
            "footer": "Slack Conversation",
            "fallback": f"[today] {message.author.name}: {message.text}",
        }
        return self._speak(
            channel,
            person,
            text,
            thread_ts=thread_ts or "",
            attachments=[share],
            client_msg_id=str(uuid.uuid4()),
        ).ts

    async def post_as_app(
        self,
        channel: str,
        name: str,
        text: str = "",
        thread_ts: str | None = None,
        *,
        attachments: Sequence[Json] = (),
        blocks: Sequence[Json] = (),
        webhook: bool = False,
    ) -> str:
        """Let another app post; return the ts. A ``webhook`` has no user (subtype bot_message)."""
        app = next((one for one in self.workspace.people.values() if one.is_bot and one.name == name), None)
        if app is None:
            app = Person(
                id=self.workspace.new_id("U"),
                name=name,
                team=self.workspace.team,
                is_bot=True,
                other_app=True,
            )
            self.workspace.people[app.id] = app
        self.workspace.channels[channel].members.add(app.id)
        return self._speak(
            channel,
            app.id,
            text,
            thread_ts=thread_ts or "",
            attachments=list(attachments),
            blocks=list(blocks),
            bot_id=f"B{app.id[1:]}",
            app_id=f"A{app.id[1:]}",
            subtype="bot_message" if webhook else "",
        ).ts

    def _share(self, channel: str, person: str, files: list[Json], text: str, thread_ts: str | None) -> str:
        return self._speak(
            channel, person, text, thread_ts=thread_ts or "", subtype="file_share", files=files
        ).ts

    def _file(self, person: str, filename: str, content: bytes, mimetype: str) -> Json:
        file_id = self.workspace.new_id("F")
        url = f"{self.base_url}/files/{file_id}"
        file: Json = {
            "id": file_id,
            "name": filename,
            "title": filename,
            "mimetype": mimetype,
            "filetype": filename.rpartition(".")[2],
            "size": len(content),
            "mode": "hosted",
            "user": person,
            "url_private": url,
            "url_private_download": url,
        }
        self.workspace.files[file_id] = (file, content)
        return file
