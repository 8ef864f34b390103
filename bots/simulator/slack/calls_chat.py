"""chat.* except streams: post, change, delete, link."""

from bots.simulator.slack import rules, stored
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Channel, Json, Message
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace


def post_message(workspace: Workspace, params: Params) -> Json:
    """chat.postMessage."""
    channel = _addressed(workspace, params)
    message = _written(workspace, channel, params)
    broadcast = bool(params.flag("reply_broadcast")) and bool(message.thread_ts)
    message.subtype = "thread_broadcast" if broadcast else ""
    message.metadata = params.mapping("metadata", "invalid_metadata_format")
    message.unfurl = (params.flag("unfurl_links"), params.flag("unfurl_media"))
    workspace.post(message)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(with_metadata=True)}


def post_ephemeral(workspace: Workspace, params: Params) -> Json:
    """chat.postEphemeral: seen by one person, gone for everybody else."""
    channel = _addressed(workspace, params)
    person = params.required("user")
    if person not in channel.members:
        raise SlackRefusal("user_not_in_channel")
    message = _written(workspace, channel, params)
    message.visible_to = person
    workspace.post(message)
    return {"message_ts": message.ts}


def _addressed(workspace: Workspace, params: Params) -> Channel:
    target = params.required("channel")
    channel = workspace.direct(target).id if target in workspace.people else target
    return workspace.joined(channel)


def _written(workspace: Workspace, channel: Channel, params: Params) -> Message:
    text, markdown = params.text("text"), params.text("markdown_text")
    blocks = params.objects("blocks", "invalid_blocks_format") or []
    attachments = params.objects("attachments", "invalid_attachments") or []
    rules.check_content(
        text=text,
        markdown_text=markdown,
        blocks=blocks,
        attachments=attachments,
        text_chars=rules.POST_TEXT_CHARS,
    )
    thread = thread_of(channel, params.text("thread_ts") or "", missing="")
    message = workspace.draft(
        channel, workspace.bot, "", thread_ts=thread, blocks=blocks, attachments=attachments
    )
    _write(message, text=text, markdown=markdown)
    return message


def _write(message: Message, *, text: str | None, markdown: str | None) -> None:
    """Set the text of a message: ``source`` as sent, ``text`` as Slack stores it."""
    if markdown is not None:
        message.source, message.text = markdown, stored.markdown(markdown)
    elif text is not None:
        message.source, message.text = text, stored.mrkdwn(text)


def thread_of(channel: Channel, thread_ts: str, *, missing: str) -> str:
    """Return ``thread_ts`` if it is a root in ``channel``, or "".

    chat.postMessage ignores an unknown ``thread_ts`` and posts at the top level (probed on the live
    service: pymc-labs/daimon#113): it passes ``missing`` "".

    Raises:
        SlackRefusal: invalid_thread_ts for another form, ``missing`` for an unknown one,
            cannot_reply_to_message for the ts of a reply.
    """
    if not thread_ts:
        return ""
    if not rules.is_ts(thread_ts):
        raise SlackRefusal("invalid_thread_ts")
    root = channel.messages.get(thread_ts)
    if root is None and thread_ts not in channel.roots:
        if not missing:
            return ""
        raise SlackRefusal(missing)
    if root is not None and (root.visible_to or root.thread_ts not in ("", root.ts)):
        raise SlackRefusal("cannot_reply_to_message")
    return thread_ts


def update(workspace: Workspace, params: Params) -> Json:
    """chat.update."""
    channel = workspace.visible(params.required("channel"))
    message = own_message(workspace, channel, params.required("ts"), foreign="cant_update_message")
    text, markdown = params.text("text"), params.text("markdown_text")
    blocks = params.objects("blocks", "invalid_blocks_format")
    attachments = params.objects("attachments", "invalid_attachments")
    rules.check_content(
        text=text,
        markdown_text=markdown,
        blocks=blocks,
        attachments=attachments,
        text_chars=rules.UPDATE_TEXT_CHARS,
    )
    _check_changeable(workspace, channel, message)
    metadata = params.mapping("metadata", "invalid_metadata_format")
    previous = message.as_json()
    if blocks is not None or text is not None or markdown is not None:
        message.blocks = blocks or []
        if message.stream is not None:
            message.stream.tasks.clear()
    if attachments is not None:
        message.attachments = attachments
    if text or markdown is not None:
        _write(message, text=text, markdown=markdown)
        if not blocks:  # Slack marks "(edited)" for a change of text, not for one of blocks
            message.edited_ts = workspace.new_ts()
    if metadata is not None:
        message.metadata = metadata or None
    workspace.changed(message, previous)
    body = message.as_json(with_metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": body}


def _check_changeable(workspace: Workspace, channel: Channel, message: Message) -> None:
    if channel.archived:
        raise SlackRefusal("is_inactive")
    if workspace.edit_window_closed:
        raise SlackRefusal("edit_window_closed")
    if message.streaming:
        raise SlackRefusal("streaming_state_conflict")


def own_message(workspace: Workspace, channel: Channel, ts: str, *, foreign: str) -> Message:
    """Return a message of the bot.

    Raises:
        SlackRefusal: message_not_found, also for an ephemeral one; ``foreign`` for another's.
    """
    message = channel.messages.get(ts)
    if message is None or message.visible_to:
        raise SlackRefusal("message_not_found")
    if message.author.id != workspace.bot.id:
        raise SlackRefusal(foreign)
    return message


def delete(workspace: Workspace, params: Params) -> Json:
    """chat.delete."""
    channel = workspace.visible(params.required("channel"))
    message = own_message(workspace, channel, params.required("ts"), foreign="cant_delete_message")
    if message.stream is not None:
        message.stream.state = "stopped" if message.streaming else message.stream.state
    workspace.remove(message)
    return {"channel": channel.id, "ts": message.ts}


def get_permalink(workspace: Workspace, params: Params) -> Json:
    """chat.getPermalink."""
    channel = workspace.visible(params.required("channel"))
    message = channel.messages.get(params.required("message_ts"))
    if message is None:
        raise SlackRefusal("message_not_found")
    link = f"https://team.slack.test/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts and message.thread_ts != message.ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}
