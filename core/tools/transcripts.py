"""Stored form of an answer's rounds of tool calls, so that the answer can go on in another process."""

from collections.abc import Sequence

import orjson

from core.kimi import Message, ToolCall, text_of


def encode_transcript(messages: Sequence[Message]) -> str:
    """Return messages as JSON, without images."""
    return orjson.dumps(
        [
            {
                "role": message.role,
                "content": text_of(message.content),
                "reasoning": message.reasoning,
                "tool_call_id": message.tool_call_id,
                "tool_calls": [[call.id, call.name, call.arguments] for call in message.tool_calls],
            }
            for message in messages
        ]
    ).decode()


def decode_transcript(stored: str) -> tuple[Message, ...]:
    """Return the messages that :func:`encode_transcript` wrote."""
    return tuple(
        Message(
            role=entry["role"],
            content=entry["content"],
            reasoning=entry["reasoning"],
            tool_call_id=entry["tool_call_id"],
            tool_calls=tuple(ToolCall(*call) for call in entry["tool_calls"]),
        )
        for entry in orjson.loads(stored)
    )
