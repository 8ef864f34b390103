"""The automatic prefix cache: what of a prompt was the beginning of an earlier one.

Source: Moonshot's guide to context caching. A prompt of 256 tokens or less is not cached; another
model or another ``reasoning_effort`` is another cache. Its end of life (5 minutes) is left out.
"""

from collections import deque
from collections.abc import Sequence
from itertools import takewhile

from bots.simulator.kimi.messages import CHARS_PER_TOKEN, Message, text_of

LEAST_TOKENS = 256
_PROMPTS_KEPT = 100


class PrefixCache:
    """Remembers the latest prompts."""

    def __init__(self) -> None:
        self._prompts: deque[tuple[str, list[tuple[str, str]]]] = deque(maxlen=_PROMPTS_KEPT)

    def cached_tokens(self, kind: str, messages: Sequence[Message], tokens: int) -> int:
        """Return how many tokens of a prompt are cached, and remember it; ``kind`` names its cache."""
        prompt = [(str(message.get("role")), text_of(message.get("content"))) for message in messages]
        found = max((_common(prompt, known) for other, known in self._prompts if other == kind), default=0)
        if tokens > LEAST_TOKENS:
            self._prompts.append((kind, prompt))
        return min(tokens, found // CHARS_PER_TOKEN)


def _common(prompt: list[tuple[str, str]], known: list[tuple[str, str]]) -> int:
    """Return the characters that two prompts have in common from their beginning on."""
    chars = 0
    for (role, text), (known_role, known_text) in zip(prompt, known, strict=False):
        if role != known_role:
            break
        if text != known_text:
            pairs = zip(text, known_text, strict=False)
            return chars + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
        chars += len(text)
    return chars
