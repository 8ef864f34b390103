"""What the stand-in remembers: people, channels, messages and their streams."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from bots.simulator.screen import Shown

Json: TypeAlias = dict[str, Any]
ChannelKind: TypeAlias = Literal["channel", "group", "im", "mpim"]
StreamState: TypeAlias = Literal["open", "stopped", "stopped_by_user", "expired"]

HISTORY_SCOPE: Mapping[ChannelKind, str] = {
    "channel": "channels:history",
    "group": "groups:history",
    "im": "im:history",
    "mpim": "mpim:history",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A member of the workspace, or of another one that shares a channel with it."""

    id: str
    name: str
    team: str
    external: bool = False
    is_bot: bool = False
    admin: bool = False  #: of the team that they belong to
    other_app: bool = False  #: another app than the one under test


@dataclass(slots=True, kw_only=True)
class UserGroup:
    """A group of people with a handle, such as @support."""

    id: str
    name: str
    handle: str
    members: set[str]
    disabled: bool = False


@dataclass(slots=True, kw_only=True)
class Upload:
    """A file on its way: its place was given out, its bytes may have come."""

    file_id: str
    name: str
    length: int  #: bytes that were announced
    secret: str  #: the end of its address
    content: bytes = b""


@dataclass(slots=True, kw_only=True)
class Stream:
    """A native stream: how it stands and what it holds."""

    started_at: float  #: seconds of the stand-in's clock
    state: StreamState = "open"
    size_bytes: int = 0
    tasks: dict[str, Json] = field(default_factory=dict)  #: task_update chunks by their id
    plan: str = ""


@dataclass(slots=True, kw_only=True)
class Message:
    """One message. ``text`` is as Slack stores it, ``source`` as it was sent or typed."""

    ts: str
    channel: str
    author: Person
    text: str
    source: str
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    files: list[Json] = field(default_factory=list)
    thread_ts: str = ""
    subtype: str = ""
    client_msg_id: str = ""
    bot_id: str = ""  #: "" for a person
    app_id: str = ""
    metadata: Json | None = None
    unfurl: tuple[bool | None, bool | None] = (None, None)  #: unfurl_links, unfurl_media as sent
    edited_ts: str = ""
    edits: int = 0
    visible_to: str = ""
    reactions: dict[str, list[str]] = field(default_factory=dict)
    stream: Stream | None = None

    @property
    def streaming(self) -> bool:
        """Whether a native stream is still open."""
        return self.stream is not None and self.stream.state == "open"

    def as_json(self, *, with_metadata: bool = False) -> Json:
        """Return the message object of the Web API and of events."""
        body: Json = {"type": "message", "user": self.author.id, "text": self.text, "ts": self.ts}
        optional: Json = {
            "subtype": self.subtype,
            "client_msg_id": self.client_msg_id,
            "bot_id": self.bot_id,
            "app_id": self.app_id,
            "thread_ts": self.thread_ts,
            "blocks": self.blocks,
            "attachments": self.attachments,
            "files": self.files,
            "metadata": self.metadata if with_metadata else None,
        }
        body |= {key: value for key, value in optional.items() if value}
        if self.subtype == "bot_message":
            del body["user"]
            body["username"] = self.author.name
        if self.bot_id:
            body["team"] = self.author.team
            body["bot_profile"] = {"id": self.bot_id, "app_id": self.app_id, "name": self.author.name}
        elif self.author.external:
            body |= {"user_team": self.author.team, "source_team": self.author.team}
        if self.edited_ts:
            body["edited"] = {"user": self.author.id, "ts": self.edited_ts}
        if self.reactions:
            body["reactions"] = [
                {"name": name, "users": users, "count": len(users)} for name, users in self.reactions.items()
            ]
        return body

    @property
    def seen_text(self) -> str:
        """What people read: Markdown blocks take the place of the text, which only notifies."""
        markdown = [str(block.get("text", "")) for block in self.blocks if block.get("type") == "markdown"]
        text = "\n\n".join(markdown) or self.source
        names = " ".join(f"[{file.get('name', 'file')}]" for file in self.files)
        return text if text and self.author.is_bot else f"{text} {names}".strip()

    @property
    def seen_tasks(self) -> tuple[tuple[str, str], ...]:
        """The cards above a stream's text, as (title, status)."""
        tasks = self.stream.tasks.values() if self.stream is not None else ()
        return tuple((task["title"], task["status"]) for task in tasks)

    def as_shown(self) -> Shown:
        """Return the message as it stands on the screen."""
        return Shown(
            channel=self.channel,
            message_id=self.ts,
            thread="" if self.thread_ts == self.ts else self.thread_ts,
            author=self.author.name,
            author_id=self.author.id,
            by_bot=self.author.is_bot and not self.author.other_app,
            text=self.seen_text,
            blocks=tuple(self.blocks),
            buttons=tuple((label, value) for label, value, _ in buttons_of(self.blocks)),
            edits=self.edits,
            tasks=tuple(
                (task["title"], task["status"])
                for task in (self.stream.tasks if self.stream else {}).values()
            ),
            streaming=self.streaming,
            visible_to=self.visible_to,
        )


@dataclass(slots=True, kw_only=True)
class Channel:
    """A channel, a private channel or a direct conversation."""

    id: str
    name: str
    kind: ChannelKind
    members: set[str]
    shared: bool = False
    archived: bool = False
    topic: str = ""
    purpose: str = ""
    messages: dict[str, Message] = field(default_factory=dict)
    roots: set[str] = field(default_factory=set)  #: threads with replies, their root deleted or not

    def replies(self, root: str) -> list[Message]:
        """Return the visible replies of a thread, oldest first."""
        return [
            message
            for message in self.messages.values()
            if message.thread_ts == root and message.ts != root and not message.visible_to
        ]


def buttons_of(blocks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, Json]]:
    """Yield (label, value, action) of every button; ``action`` is what a press of it sends."""
    for block in blocks:
        accessory = block.get("accessory")
        for element in [*block.get("elements", []), *([accessory] if accessory else [])]:
            for label, value, action in _buttons_of_element(element):
                yield label, value, {**action, "block_id": block.get("block_id", "b0")}


def _buttons_of_element(element: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    kind, action_id = element.get("type"), element.get("action_id", "")
    halves = [element.get(name) for name in ("positive_button", "negative_button")]
    for button in halves if kind == "feedback_buttons" else [element]:
        if kind in ("button", "icon_button", "feedback_buttons") and isinstance(button, Mapping):
            text, value = button.get("text", {}), str(button.get("value", ""))
            action = {"type": kind, "action_id": action_id, "text": text, "value": value}
            yield str(text.get("text", "")), value, action
