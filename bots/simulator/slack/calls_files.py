"""files.*: the three steps of an upload, and what is known of a file.

Sources: docs.slack.dev/messaging/working-with-files and the pages of the three methods. The message
with a shared file appears a moment after the last step answered.
"""

import uuid

from bots.simulator.slack import stored
from bots.simulator.slack.calls_chat import thread_of
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Channel, Json, Message, Upload
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace

SIZE_LIMIT_BYTES = 1_000_000_000
COMMENT_CHARS = 4_000
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif"}
_TYPES |= {"pdf": "application/pdf", "txt": "text/plain", "md": "text/plain", "csv": "text/csv"}


def get_upload_url(workspace: Workspace, params: Params) -> Json:
    """files.getUploadURLExternal: a place for ``length`` bytes."""
    name, length = params.required("filename"), params.number("length", 0)
    if length <= 0:
        raise SlackRefusal("invalid_arguments")
    if length > SIZE_LIMIT_BYTES:
        raise SlackRefusal("file_upload_size_restricted")
    file_id = workspace.new_id("F")
    upload = Upload(file_id=file_id, name=name, length=length, secret=uuid.uuid4().hex)
    workspace.uploads[upload.secret] = upload
    return {"upload_url": f"{workspace.base_url}/upload/{upload.secret}", "file_id": file_id}


def complete_upload(workspace: Workspace, params: Params) -> Json:
    """files.completeUploadExternal: shares what was uploaded in one channel, or in a thread of it."""
    files = params.objects("files", "invalid_arguments") or []
    if not files or len({str(file.get("id")) for file in files}) < len(files):
        raise SlackRefusal("invalid_arguments")
    uploads = [_uploaded(workspace, str(file.get("id", ""))) for file in files]
    comment = params.text("initial_comment") or ""
    if len(comment) > COMMENT_CHARS:
        raise SlackRefusal("msg_too_long")
    channel_id = params.text("channel_id") or ""
    channel = workspace.joined(channel_id) if channel_id else None
    thread = thread_of(channel, params.text("thread_ts") or "", missing="thread_not_found") if channel else ""
    made: list[Json] = []
    for upload, given in zip(uploads, files, strict=True):
        del workspace.uploads[upload.secret]
        file = _file(workspace, upload, str(given.get("title") or upload.name))
        workspace.files[upload.file_id] = (file, upload.content)
        made.append(file)
    if channel is not None:
        place = channel
        workspace.later(
            workspace.limits.share_delay_s, lambda: _share(workspace, place, thread, comment, made)
        )
    return {"files": [{"id": file["id"], "title": file["title"]} for file in made]}


def info(workspace: Workspace, params: Params) -> Json:
    """files.info."""
    found = workspace.files.get(params.required("file"))
    if found is None:
        raise SlackRefusal("file_not_found")
    return {"file": found[0]}


def _uploaded(workspace: Workspace, file_id: str) -> Upload:
    for upload in workspace.uploads.values():
        if upload.file_id == file_id and upload.content:
            return upload
    raise SlackRefusal("file_not_found")


def _file(workspace: Workspace, upload: Upload, title: str) -> Json:
    kind = upload.name.rpartition(".")[2].lower()
    url = f"{workspace.base_url}/files/{upload.file_id}"
    return {
        "id": upload.file_id,
        "name": upload.name,
        "title": title,
        "mimetype": _TYPES.get(kind, "application/octet-stream"),
        "filetype": kind,
        "size": upload.length,
        "mode": "hosted",
        "user": workspace.bot.id,
        "url_private": url,
        "url_private_download": url,
        "shares": {},
    }


def _share(workspace: Workspace, channel: Channel, thread: str, comment: str, files: list[Json]) -> None:
    message: Message = workspace.draft(
        channel, workspace.bot, "", thread_ts=thread, files=files, subtype="file_share"
    )
    message.source, message.text = comment, stored.mrkdwn(comment)
    kind = "private" if channel.kind == "group" else "public"
    for file in files:
        file["shares"] = {kind: {channel.id: [{"ts": message.ts, "channel_name": channel.name}]}}
    workspace.post(message)
