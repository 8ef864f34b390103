"""views.*: dialogs and home tabs, with what Slack refuses about them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Json
from bots.simulator.slack.rules import BLOCKS, ID_CHARS, SlackRefusal, check_blocks
from bots.simulator.slack.workspace import Workspace

TRIGGER_LIFE_S = 3.0
TITLE_CHARS = 24  #: of a dialog's title and its two buttons
METADATA_CHARS = 3_000
LABEL_CHARS = 2_000
INPUT_CHARS = 3_000
VIEW_BLOCKS = 100


def open_view(workspace: Workspace, params: Params) -> Json:
    """views.open: a dialog for the person who did something within the last three seconds."""
    trigger = params.required("trigger_id")
    view = params.mapping("view", "invalid_arguments")
    found = workspace.triggers.get(trigger)
    if found is None:
        raise SlackRefusal("invalid_trigger_id")
    person, made_at = found
    if workspace.clock.time() - made_at > TRIGGER_LIFE_S:
        raise SlackRefusal("expired_trigger_id")
    if trigger in workspace.used_triggers:
        raise SlackRefusal("exchanged_trigger_id")
    _check(view, "modal")
    workspace.used_triggers.add(trigger)
    shown = {"id": workspace.new_id("V"), "team_id": workspace.team, **(view or {})}
    workspace.dialogs[person] = shown
    return {"view": shown}


def publish_view(workspace: Workspace, params: Params) -> Json:
    """views.publish: a person's home tab."""
    person, view = params.required("user_id"), params.mapping("view", "invalid_arguments")
    if person not in workspace.people:
        raise SlackRefusal("user_not_found")
    if not workspace.home_tab_enabled:
        raise SlackRefusal("not_enabled")
    _check(view, "home")
    workspace.views[person] = view or {}
    return {"view": {"id": workspace.new_id("V"), "team_id": workspace.team, **(view or {})}}


def _check(view: Mapping[str, Any] | None, kind: str) -> None:
    """Refuse a view that Slack would not show, with the list of faults."""
    if view is None or view.get("type") != kind:
        raise SlackRefusal("invalid_arguments")
    blocks = view.get("blocks")
    if not isinstance(blocks, list):
        raise SlackRefusal("invalid_arguments")
    faults = [*_view_faults(view, kind), *(fault for block in blocks for fault in _block_faults(block))]
    ids = [block.get("block_id") for block in blocks if block.get("block_id")]
    if len(ids) != len(set(ids)):
        faults.append("block_id must be unique")
    if faults:
        raise SlackRefusal("invalid_arguments", response_metadata={"messages": faults})
    plain = [block for block in blocks if block.get("type") != "input"]
    for start in range(0, len(plain), BLOCKS):  # a view takes twice as many as a message
        check_blocks(plain[start : start + BLOCKS])


def _view_faults(view: Mapping[str, Any], kind: str) -> Iterator[str]:
    blocks = view["blocks"]
    if len(blocks) > VIEW_BLOCKS:
        yield f"no more than {VIEW_BLOCKS} items allowed [json-pointer:/view/blocks]"
    if len(str(view.get("private_metadata") or "")) > METADATA_CHARS:
        yield "private_metadata is too long"
    if len(str(view.get("callback_id") or "")) > ID_CHARS:
        yield "callback_id is too long"
    if kind == "home":
        if {"title", "submit", "close"} & view.keys():
            yield "a home tab has no title and no buttons of its own"
        return
    has_input = any(block.get("type") == "input" for block in blocks)
    for name, needed in (("title", True), ("submit", has_input), ("close", False)):
        yield from _text_faults(view.get(name), TITLE_CHARS, f"/view/{name}", needed=needed)
    if not blocks:
        yield "a dialog needs blocks"


def _block_faults(block: Mapping[str, Any]) -> Iterator[str]:
    if block.get("type") != "input":
        return
    yield from _text_faults(block.get("label"), LABEL_CHARS, "/label", needed=True)
    yield from _text_faults(block.get("hint"), LABEL_CHARS, "/hint", needed=False)
    element = block.get("element")
    if not isinstance(element, Mapping) or element.get("type") != "plain_text_input":
        yield "an input block needs an element"
    elif not 1 <= int(element.get("max_length", INPUT_CHARS)) <= INPUT_CHARS:
        yield f"max_length must be between 1 and {INPUT_CHARS}"


def _text_faults(text: object, limit: int, where: str, *, needed: bool) -> Iterator[str]:
    match text:
        case None if not needed:
            return
        case {"type": "plain_text", "text": str(words)} if 0 < len(words) <= limit:
            return
        case _:
            yield f"must be a plain_text of 1 to {limit} characters [json-pointer:{where}]"


def submitted(view: Json, values: Sequence[str]) -> Json:
    """Return a dialog as it is sent, with what the person wrote in its fields."""
    fields = [block for block in view["blocks"] if block.get("type") == "input"]
    state: Json = {}
    for block, value in zip(fields, values, strict=True):
        element = block["element"]
        if len(value) > int(element.get("max_length", INPUT_CHARS)):
            raise ValueError("the field does not take so much text")
        held = {"type": element["type"], "value": value}
        state[block["block_id"]] = {element["action_id"]: held}
    return {**json.loads(json.dumps(view)), "state": {"values": state}, "hash": "1.abc"}
