"""Habits of hosts and gateways that serve Kimi's models less strictly, or more strictly, than Moonshot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bots.simulator.kimi.messages import MEDIA, text_of
from bots.simulator.kimi.refusal import BARE_INVALID, Refusal, Refused, invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What one host refuses beyond the rules of Moonshot's own API."""

    refused_fields: Sequence[str] = ()  #: members of the body; the first one that is present is refused
    field_status: int = 400
    field_message: str = "Unrecognized request argument supplied: {field}"  #: also "{path}"
    refused_media: str = ""  #: message of the 400 for a picture or video in any message; "" takes them
    refused_text: str = ""  #: any message with this text is refused with ``text_refusal``
    text_refusal: Refusal = BARE_INVALID
    refuses_partial: bool = False  #: a reply cannot be continued: ``partial`` is an unknown field
    max_prompt_chars: int = 0  #: longer prompts are refused with ``prompt_refusal``; 0 takes all
    prompt_refusal: Refusal = BARE_INVALID

    def check(self, body: Mapping[str, Any]) -> None:
        """Let a request pass that breaks none of the host's rules.

        Raises:
            Refused: with the host's text.
        """
        for field in self.refused_fields:
            if field in body:
                text = self.field_message.format(field=field, path=f"body.{field}")
                raise Refused(Refusal(status=self.field_status, type="invalid_request_error", message=text))
        messages = [one for one in body.get("messages") or () if isinstance(one, dict)]
        if self.refuses_partial and any("partial" in message for message in messages):
            raise Refused(invalid("Extra inputs are not permitted: messages.partial"))
        if self.refused_media and any(_has_media(message) for message in messages):
            raise Refused(invalid(self.refused_media))
        texts = [text_of(message.get("content")) for message in messages]
        if self.refused_text and any(self.refused_text in text for text in texts):
            raise Refused(self.text_refusal)
        if self.max_prompt_chars and sum(map(len, texts)) > self.max_prompt_chars:
            raise Refused(self.prompt_refusal)


STRICT_KIMI: Final = Host()
"""Moonshot's own API."""


def _has_media(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(
        isinstance(part, dict) and part.get("type") in MEDIA for part in content
    )
