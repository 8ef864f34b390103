r"""Scenarios: the exact bytes and refusals with which a host misbehaves, as JSON.

A scenario file is an object of scenarios by name::

    {"nul-in-words": {
        "about": "A NUL character in the words.",
        "source": "opensanctions/poliloom#138",
        "replies": [["Before\u0000after ", "and the rest.", {"end": "stop"}]],
        "host": {"refused_fields": ["prompt_cache_key"]}
    }}

The n-th request gets the n-th reply; the last reply is repeated unless ``"then"`` is a text, which is
then answered. ``host`` has the members of :class:`bots.simulator.kimi.host.Host`. A reply is one of:

- a text: an ordinary answer;
- ``{"refusal": {"status", "type", "message"}}``: an error response, ``"raw"`` for one of another form;
- a list of chunks, or an object with ``chunks`` and ``status``, ``content_type``, ``headers``, ``cut``,
  ``bare`` (no opening chunk with the role).

A chunk is one of:

- a text: one chunk of words; ``{"reasoning": text}``: one of thinking; ``{"delta": object}``: one with
  this delta;
- ``{"finish": reason}``: the chunk with the finish reason; ``{"end": reason}``: the same, then the usage
  chunk and ``[DONE]``; ``{"done": true}``: ``[DONE]`` alone;
- ``{"json": object}``: one event; ``{"raw": text}``: exactly these characters as UTF-8;
  ``{"base64": text}``: exactly these bytes;
- a number: a pause in seconds.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bots.simulator.kimi.host import Host
from bots.simulator.kimi.refusal import Refusal
from bots.simulator.kimi.script import RawReply, Script, Scripted, answer_with, in_turn

SCENARIOS: Final = Path(__file__).with_name("scenarios.json")  #: the scenarios that ship with the stand-in
USAGE: Final[Mapping[str, int]] = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way in which a host misbehaves."""

    about: str
    replies: Sequence[Scripted]
    source: str = ""  #: where it was reported
    host: Host = field(default_factory=Host)
    then: str = ""  #: answers the requests behind ``replies``; "" repeats the last of them

    def script(self) -> Script:
        """Return a script that plays the scenario once."""
        if self.then:
            return in_turn(*self.replies, then=answer_with(self.then))
        *earlier, last = self.replies
        return in_turn(*earlier, then=lambda _: last)


def load_scenarios(path: Path = SCENARIOS) -> dict[str, Scenario]:
    """Return the scenarios of a file by name.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no scenario file.
    """
    value = json.loads(path.read_text(encoding="utf-8"))
    try:
        return {name: parse_scenario(one) for name, one in value.items()}
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"{path.name} is no scenario file: {exc!r}") from exc


def parse_scenario(value: Mapping[str, Any]) -> Scenario:
    """Return the scenario that a JSON object describes.

    Raises:
        KeyError, TypeError, ValueError: it describes none.
    """
    host = dict(value.get("host", {}))
    for name in ("text_refusal", "prompt_refusal"):
        if name in host:
            host[name] = _parse_refusal(host[name])
    return Scenario(
        about=value["about"],
        source=value.get("source", ""),
        replies=tuple(_parse_reply(reply) for reply in value.get("replies", ["Hello."])),
        host=Host(**host),
        then=value.get("then", ""),
    )


def _parse_reply(reply: Any) -> Scripted:
    match reply:
        case str():
            return reply
        case {"refusal": dict(refusal)}:
            return _parse_refusal(refusal)
        case list():
            return _raw_reply({"chunks": reply})
        case {"chunks": list()}:
            return _raw_reply(reply)
        case _:
            raise ValueError(f"no reply: {reply!r}")


def _parse_refusal(refusal: Mapping[str, Any]) -> Refusal:
    raw = refusal.get("raw")
    return Refusal(**{**refusal, "raw": None if raw is None else raw.encode()})


def _raw_reply(reply: Mapping[str, Any]) -> RawReply:
    chunks: list[bytes | float] = [] if reply.get("bare") else [_delta({"role": "assistant", "content": ""})]
    for chunk in reply["chunks"]:
        chunks += _parse_chunk(chunk)
    return RawReply(
        chunks=tuple(chunks),
        status=reply.get("status", 200),
        content_type=reply.get("content_type", "text/event-stream; charset=utf-8"),
        headers=tuple((name, value) for name, value in reply.get("headers", {}).items()),
        cut=reply.get("cut", False),
    )


def _parse_chunk(chunk: Any) -> list[bytes | float]:
    """Return the network writes of one chunk."""
    match chunk:
        case str():
            return [_delta({"content": chunk})]
        case int() | float():
            return [float(chunk)]
        case {"reasoning": str(text)}:
            return [_delta({"reasoning_content": text})]
        case {"delta": dict(delta)}:
            return [_delta(delta)]
        case {"finish": str(reason)}:
            return [_delta({}, finish=reason)]
        case {"end": str(reason)}:
            usage = {"id": "chatcmpl-1", "model": "kimi-k2.6", "choices": [], "usage": USAGE}
            return [_delta({}, finish=reason), _event(usage), b"data: [DONE]\n\n"]
        case _:
            return [_parse_bytes(chunk)]


def _parse_bytes(chunk: Any) -> bytes:
    match chunk:
        case {"done": True}:
            return b"data: [DONE]\n\n"
        case {"json": value}:
            return _event(value)
        case {"raw": str(text)}:
            return text.encode()
        case {"base64": str(text)}:
            return base64.b64decode(text)
        case _:
            raise ValueError(f"no chunk: {chunk!r}")


def _delta(delta: Mapping[str, Any], *, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return _event({"id": "chatcmpl-1", "model": "kimi-k2.6", "choices": [choice]})


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"  # ASCII: lone surrogates stay as \\ud83d
