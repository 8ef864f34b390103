"""Native streams: chat.startStream, chat.appendStream, chat.stopStream.

A stream dies about five minutes after its start however often it grows, and holds about 10,600
bytes in all (neither is documented; both measured by several projects).
"""

from bots.simulator.slack import events, rules, stored
from bots.simulator.slack.calls_chat import own_message, thread_of
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Channel, Json, Message, Stream
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace

SESSION_STATUSES = ("processing", "active", "suspended", "closed")


def start(workspace: Workspace, params: Params) -> Json:
    """chat.startStream."""
    channel = _available(workspace, params)
    thread = thread_of(channel, params.text("thread_ts") or "", missing="invalid_thread_ts")
    if not thread:
        raise SlackRefusal("invalid_thread_ts")
    _check_recipient(workspace, channel, params)
    chunks = _chunks(workspace, params)
    stream = Stream(started_at=workspace.clock.time())
    message = workspace.draft(channel, workspace.bot, "", thread_ts=thread, stream=stream)
    message.unfurl = (False, False)
    _grow(message, chunks)
    workspace.sessions[channel.id, thread] = {"status": "processing", "title": ""}
    workspace.post(message)
    workspace.later(workspace.limits.stream_life_s, lambda: _expire(workspace, message))
    return {"channel": channel.id, "ts": message.ts}


def append(workspace: Workspace, params: Params) -> Json:
    """chat.appendStream."""
    message = _open_message(workspace, params)
    chunks = _chunks(workspace, params)
    if not chunks:
        raise SlackRefusal("no_text")
    _grow(message, chunks)
    workspace.redraw(message)
    return {"channel": message.channel, "ts": message.ts}


def stop(workspace: Workspace, params: Params) -> Json:
    """chat.stopStream: the text of this call is appended too."""
    message = _open_message(workspace, params)
    chunks = _chunks(workspace, params)
    blocks = params.objects("blocks", "invalid_blocks_format") or []
    rules.check_blocks(blocks)
    metadata = params.mapping("metadata", "invalid_metadata_format")
    status = params.text("session_status") or "active"
    if status not in SESSION_STATUSES:
        raise SlackRefusal("invalid_arguments")
    previous = message.as_json()
    _grow(message, chunks)
    message.blocks = [*message.blocks, *blocks]
    message.metadata = metadata or message.metadata
    if message.stream is not None:
        message.stream.state = "stopped"
    workspace.sessions[message.channel, message.thread_ts] = {"status": status, "title": ""}
    workspace.changed(message, previous)
    return {
        "channel": message.channel,
        "ts": message.ts,
        "message": message.as_json(with_metadata=True),
    }


def stop_by(workspace: Workspace, channel: Channel, thread: str, person: str) -> list[str]:
    """A person presses Stop in a thread; return the ts of the streams that this ended."""
    stopped = [message for message in channel.replies(thread) if message.streaming]
    for message in stopped:
        if message.stream is not None:
            message.stream.state = "stopped_by_user"
        workspace.redraw(message)
    streams = [message.ts for message in stopped]
    workspace.emit(channel, events.session_stopped(channel, thread, person, streams, workspace.new_ts()))
    return streams


def _available(workspace: Workspace, params: Params) -> Channel:
    if not workspace.streaming_available:
        raise SlackRefusal("unknown_method", req_method="chat.startStream")
    return workspace.joined(params.required("channel"))


def _check_recipient(workspace: Workspace, channel: Channel, params: Params) -> None:
    user, team = params.text("recipient_user_id"), params.text("recipient_team_id")
    if channel.kind != "im":
        if not user:
            raise SlackRefusal("missing_recipient_user_id")
        if not team:
            raise SlackRefusal("missing_recipient_team_id")
    person = workspace.people.get(user) if user else None
    if user and (person is None or user not in channel.members):
        raise SlackRefusal("user_not_found")
    if team and team not in {workspace.team, person.team if person else workspace.team}:
        raise SlackRefusal("team_not_found")


def _open_message(workspace: Workspace, params: Params) -> Message:
    channel = _available(workspace, params)
    message = own_message(workspace, channel, params.required("ts"), foreign="message_not_owned_by_app")
    if message.stream is None:
        raise SlackRefusal("message_not_in_streaming_state")
    _expire(workspace, message)
    if message.stream.state == "stopped_by_user":
        raise SlackRefusal("stopped_by_user")
    if message.stream.state != "open":
        raise SlackRefusal("message_not_in_streaming_state")
    return message


def _expire(workspace: Workspace, message: Message) -> None:
    """Close a stream that has lived long enough."""
    stream = message.stream
    if stream is None or stream.state != "open":
        return
    if workspace.clock.time() - stream.started_at >= workspace.limits.stream_life_s:
        stream.state = "expired"
        if message.ts in workspace.channels[message.channel].messages:
            workspace.redraw(message)


def _chunks(workspace: Workspace, params: Params) -> list[Json]:
    """Return what a call adds, its ``markdown_text`` as a chunk."""
    markdown = params.text("markdown_text")
    chunks = params.objects("chunks", "invalid_chunks") or []
    if markdown and chunks:
        raise SlackRefusal("markdown_text_conflict")
    rules.check_markdown(markdown)
    rules.check_chunks(chunks)
    if not workspace.cards_available and any(chunk["type"] == "task_update" for chunk in chunks):
        raise SlackRefusal("invalid_chunks")
    return [{"type": "markdown_text", "text": markdown}] if markdown else chunks


def _grow(message: Message, chunks: list[Json]) -> None:
    """Add chunks to a message, all or none."""
    stream = message.stream
    if stream is None:
        raise SlackRefusal("message_not_in_streaming_state")
    size_bytes = stream.size_bytes + sum(rules.chunk_bytes(chunk) for chunk in chunks)
    if size_bytes > rules.STREAM_BYTES:
        raise SlackRefusal("msg_too_long")
    tasks = {chunk["id"] for chunk in chunks if chunk["type"] == "task_update"}
    if len(tasks | set(stream.tasks)) > rules.STREAM_TASKS:
        raise SlackRefusal("invalid_chunks")
    stream.size_bytes = size_bytes
    for chunk in chunks:
        match chunk["type"]:
            case "markdown_text":
                message.source += chunk["text"]
            case "blocks":
                message.blocks = [*message.blocks, *chunk["blocks"]][: rules.BLOCKS]
            case "task_update":
                stream.tasks[chunk["id"]] = {**stream.tasks.get(chunk["id"], {}), **chunk}
            case "plan_update":
                stream.plan = chunk["title"]
    message.text = stored.markdown(message.source)
