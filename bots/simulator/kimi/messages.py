"""The rules for ``messages``: what each role may carry and how turns must fit together.

Texts in quotes are Moonshot's where the reference has them; a rule that is documented without
a text says in plain words what is wrong.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson

from bots.simulator.kimi.models import ModelCard
from bots.simulator.kimi.refusal import HIGH_RISK, Refusal, Refused, invalid

Message: TypeAlias = Mapping[str, Any]

ROLES = ("system", "user", "assistant", "tool")
MEDIA = ("image_url", "video_url")
CHARS_PER_TOKEN = 3
MEDIA_TOKENS = 1024
#: Messages with this text are refused as high risk, also by a later question (labring/FastGPT#3555).
HIGH_RISK_TRIGGER = "[high risk]"


def check_messages(messages: object, *, model: ModelCard, thinking: bool) -> Sequence[Message]:
    """Return ``messages`` where every rule holds.

    Raises:
        Refused: with the text of the first rule that is broken.
    """
    if not isinstance(messages, list) or not messages:
        raise Refused(invalid("Invalid request: messages must be a non-empty array"))
    for index, message in enumerate(messages):
        _check_message(message, index, model, last=index == len(messages) - 1)
        _check_arguments(message)
        if thinking:
            _check_reasoning(message, index, model)
    _check_tool_results(messages)
    if any(HIGH_RISK_TRIGGER in text_of(one.get("content")) for one in messages if one.get("role") == "user"):
        raise Refused(HIGH_RISK)
    return messages


def text_of(content: object) -> str:
    """Return the text of a message's content, parts joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))


def question_of(messages: Sequence[Message]) -> str:
    """Return the text of the last user message; "" where there is none."""
    users = (message for message in reversed(messages) if message.get("role") == "user")
    return next((text_of(message.get("content")) for message in users), "")


def prefix_of(messages: Sequence[Message]) -> str | None:
    """Return the text that partial mode continues; None where the mode is off."""
    last = messages[-1]
    return text_of(last.get("content")) if last.get("partial") is True else None


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Return the stand-in's token count: characters of all texts by three, 1,024 for each medium."""
    chars = media = 0
    for message in messages:
        content = message.get("content")
        chars += len(text_of(content)) + len(str(message.get("reasoning_content") or ""))
        for call in message.get("tool_calls") or ():
            chars += len(str(call.get("function", {}).get("arguments", "")))
        if isinstance(content, list):
            media += sum(part.get("type") in MEDIA for part in content if isinstance(part, dict))
    return tokens_of(chars) + media * MEDIA_TOKENS


def tokens_of(chars: int) -> int:
    """Return how many tokens so many characters are."""
    return -(-chars // CHARS_PER_TOKEN)


def _check_message(message: object, index: int, model: ModelCard, *, last: bool) -> None:
    if not isinstance(message, dict):
        raise Refused(invalid(f"Invalid request: the message at position {index} must be an object"))
    role = message.get("role")
    if role not in ROLES:
        raise Refused(invalid(f"Invalid request: unknown role at position {index}: {role!r}"))
    if "tools" in message:
        _check_tools_message(message, model)
        return
    if message.get("partial") and not (last and role == "assistant"):
        raise Refused(invalid("Invalid request: partial is only allowed on the last assistant message"))
    _check_content(message.get("content"), model)
    if not message.get("content") and not _may_be_empty(message):
        text = f"the message at position {index} with role '{role}' must not be empty"
        raise Refused(invalid(f"Invalid request: {text}"))


def _may_be_empty(message: Message) -> bool:
    if message["role"] != "assistant":
        return False
    continues_thinking = bool(message.get("partial") and message.get("reasoning_content"))
    return bool(message.get("tool_calls")) or continues_thinking


def _check_tools_message(message: Message, model: ModelCard) -> None:
    """Tools declared in the middle of a conversation: a system message, on K3 only."""
    if message["role"] != "system" or model.family != "k3":
        raise Refused(invalid("tokenization failed"))
    if "content" in message:
        raise Refused(invalid("Invalid request: tools cannot be used with content"))


def _check_content(content: object, model: ModelCard) -> None:
    match content:
        case None:
            return
        case str():
            if _is_stringified(content):
                asked = tokens_of(len(content)) + model.context_tokens
                raise Refused(over_limit(model, asked))
        case list():
            for part in content:
                _check_part(part, model)
        case _:
            raise Refused(invalid("Invalid request: content must be a string or an array of parts"))


def over_limit(model: ModelCard, asked_tokens: int) -> Refusal:
    """Return the 400 for a request that does not fit into the model's context."""
    text = f"Your request exceeded model token limit: {model.context_tokens} (requested: {asked_tokens})"
    return invalid(f"Invalid request: {text}")


def _is_stringified(content: str) -> bool:
    """Tell whether a list of parts was sent as a JSON string; the real service counts it as text."""
    if not content.lstrip().startswith("[{") or '"type"' not in content:
        return False
    try:
        parts = orjson.loads(content)
    except orjson.JSONDecodeError:
        return False
    known = ("text", *MEDIA)
    return all(isinstance(part, dict) and part.get("type") in known for part in parts)


def _check_part(part: object, model: ModelCard) -> None:
    if model.family == "open":
        raise Refused(invalid("Invalid request: content must be a string for this model"))
    match part:
        case {"type": "text", "text": str(text)}:
            if not text:
                raise Refused(invalid("Invalid request: text content is empty"))
        case {"type": "image_url", "image_url": {"url": str(url)} | str(url)}:
            _check_medium(url, "image", allowed=model.image)
        case {"type": "video_url", "video_url": {"url": str(url)} | str(url)}:
            _check_medium(url, "video", allowed=model.video)
        case _:
            raise Refused(invalid("Invalid request: unknown content part"))


def _check_medium(url: str, kind: str, *, allowed: bool) -> None:
    if not allowed:
        raise Refused(invalid(f"Invalid request: this model does not accept {kind} input"))
    if url.startswith("data:image/svg") or not url.startswith((f"data:{kind}/", "ms://")):
        raise Refused(invalid(f"Invalid request: unsupported {kind} url"))


def _check_reasoning(message: Message, index: int, model: ModelCard) -> None:
    """A replayed tool call must come with its reasoning; on K2.6 an empty one is a missing one."""
    if not message.get("tool_calls"):
        return
    reasoning = message.get("reasoning_content")
    missing = not reasoning if model.family == "k2.6" else reasoning is None
    if missing and model.thinking != "no":
        text = "thinking is enabled but reasoning_content is missing in assistant tool call message"
        raise Refused(invalid(f"{text} at index {index}"))


def _check_arguments(message: Message) -> None:
    """Replayed arguments of tool calls must be JSON (MoonshotAI/kimi-cli#1171, #2165)."""
    for call in message.get("tool_calls") or ():
        arguments = call.get("function", {}).get("arguments")
        try:
            orjson.loads(arguments)
        except (orjson.JSONDecodeError, TypeError) as exc:
            raise Refused(invalid("Invalid request: tool call arguments must be valid JSON")) from exc


def _check_tool_results(messages: Sequence[Message]) -> None:
    """Every call of a turn is answered once, directly after it, by its own id."""
    open_ids: set[object] = set()
    for message in messages:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in open_ids:
                raise Refused(invalid("Invalid request: tool_call_id not found"))
            open_ids.remove(message["tool_call_id"])
        elif open_ids:
            break
        else:
            open_ids = {call.get("id") for call in message.get("tool_calls") or ()}
    if open_ids:
        raise Refused(invalid("Invalid request: tool_call_id not found"))
