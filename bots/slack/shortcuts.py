"""Shortcuts in the menu of a message: "Summarise this thread" and "Ask Kimi about this…". Pure.

Sources: https://docs.slack.dev/interactivity/implementing-shortcuts, for the dialog
https://docs.slack.dev/surfaces/modals and https://docs.slack.dev/reference/views/modal-views
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from bots.slack.people import Profile, person_of
from core.domain.addresses import ONE_OFF_PREFIX, Address, ChatType, ThreadKey
from core.domain.command_names import CommandName
from core.domain.events import CommandReceived, MessagePointer
from core.text.language import language_of_tag, pick
from core.text.visible_text import clean_text

SUMMARIZE: Final = "moonthread_summarize_thread"  #: callback_id of a shortcut
ASK: Final = "moonthread_ask_about"  #: callback_id of a shortcut, and of the dialog that it opens
SHORTCUTS: Final = (
    {
        "name": "Summarise this thread",
        "type": "message",
        "callback_id": SUMMARIZE,
        "description": "The main points, for your eyes only",
    },
    {
        "name": "Ask Kimi about this…",
        "type": "message",
        "callback_id": ASK,
        "description": "A question on a message and its thread, answered for your eyes only",
    },
)
"""As the manifest lists them; a name has at most 24 characters."""

MAX_QUESTION_CHARS: Final = 3_000  #: Slack's limit of a field
_FIELD: Final = "question"


def opens_dialog(body: Mapping[str, Any]) -> bool:
    """Return whether a delivery is the shortcut that asks for a question first."""
    return body.get("type") == "message_action" and body.get("callback_id") == ASK


def parse_shortcut(
    body: Mapping[str, Any], tenant: str, profiles: Mapping[str, Profile], received_at: datetime
) -> CommandReceived | None:
    """Return the command in a shortcut, or in its dialog when it is sent; None if it is not one of ours."""
    match body:
        case {"type": "message_action", "callback_id": callback} if callback == SUMMARIZE:
            return _command(body, _place_of(body), "", tenant, profiles, received_at)
        case {"type": "view_submission", "view": {"callback_id": callback} as view} if callback == ASK:
            question = clean_text(str(view["state"]["values"][_FIELD][_FIELD].get("value") or "")).strip()
            place = json.loads(view["private_metadata"])
            return _command(body, place, question, tenant, profiles, received_at) if question else None
        case _:
            return None


def build_dialog(body: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return the dialog of :data:`ASK`: one field, and where the shortcut was used.

    Args:
        body: the shortcut.
        language: BCP 47 tag of the person's client; "" if unknown.
    """
    words = language_of_tag(language)

    def plain(*, zh: str, en: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": pick(words, zh=zh, en=en)}

    hint = plain(
        zh="Kimi 会读这条消息和它的话题，回答只有你能看到。",
        en="Kimi reads the message and its thread. Only you see the answer.",
    )
    field = {
        "type": "plain_text_input",
        "action_id": _FIELD,
        "multiline": True,
        "max_length": MAX_QUESTION_CHARS,
    }
    question = {
        "type": "input",
        "block_id": _FIELD,
        "label": plain(zh="你的问题", en="Your question"),
        "element": field,
        "hint": hint,
    }
    return {
        "type": "modal",
        "callback_id": ASK,
        "title": plain(zh="问 Kimi", en="Ask Kimi"),
        "submit": plain(zh="提问", en="Ask"),
        "close": plain(zh="取消", en="Cancel"),
        "private_metadata": json.dumps(_place_of(body)),
        "blocks": [question],
    }


def dialog_failed_text(language: str) -> str:
    """Return what the person reads if the dialog could not be opened."""
    return pick(
        language_of_tag(language),
        zh="窗口没能打开，请再点一次。",
        en="The dialog could not be opened. Please choose it once more.",
    )


def _place_of(body: Mapping[str, Any]) -> dict[str, str]:
    """Return where a shortcut was used, and the way to show its answer there."""
    message = body["message"]
    ts = str(body.get("message_ts") or message["ts"])
    return {
        "channel": str(body["channel"]["id"]),
        "ts": ts,
        "thread": str(message.get("thread_ts") or ts),
        "in_thread": "1" if message.get("thread_ts") else "",
        "url": str(body["response_url"]),
        "id": str(body.get("action_ts") or body["trigger_id"]),
    }


def _command(
    body: Mapping[str, Any],
    place: Mapping[str, str],
    question: str,
    tenant: str,
    profiles: Mapping[str, Profile],
    received_at: datetime,
) -> CommandReceived:
    """Return the command for a digest of a thread, in a conversation that is the person's alone."""
    author = person_of(str(body["user"]["id"]), profiles)
    thread = f"{ONE_OFF_PREFIX}{author.id}:{place['id']}"
    key = ThreadKey(platform="slack", tenant=tenant, channel=place["channel"], thread=thread)
    details = {
        "recipient_user": author.id,
        "language": author.language,
        "private_url": place["url"],
        "private_thread": place["thread"] if place["in_thread"] else "",
    }
    return CommandReceived(
        delivery_id=f"shortcut:{body.get('trigger_id') or place['id']}",
        message_id="",
        address=Address(key=key, details=details),
        author=author,
        command=CommandName.DIGEST,
        argument=question,
        sent_at=received_at,
        chat_type=ChatType.GROUP,  # others wrote what is read
        about=MessagePointer(message_id=place["ts"], thread=place["thread"]),
    )
