"""What the demo's script says as a service desk's Kimi, as a judge, for the team, and as a digest. Pure.

The forms of these requests are those of :mod:`core.knowledge.prompt_passages`,
:mod:`core.prompting.digest_prompt`, :mod:`core.turns.intent_classifier` and :mod:`core.handoff.ai_assist`;
the script reads them as a model would.
"""

import re
from collections.abc import Sequence

from bots.simulator.kimi.messages import text_of
from bots.simulator.kimi.script import SeenRequest

_PASSAGE = re.compile(r'<passage n="(\d+)"[^>]*>\n(.*?)\n</passage>', re.DOTALL)
_TEAM = "You help a support team."
_JUDGE = "Reply with one word, yes or no."
_ASKS = re.compile(
    r"[?？]|\b(?:how|what|where|when|why|who|which|can|help|problem|order)\b|吗|怎么|多少|什么", re.I
)
_LINE = re.compile(r"^#(\d+) \S+ \S+ ([^:\n]+): (.+)$", re.MULTILINE)
_QUOTED_CHARS = 700
_SHORT_CHARS = 120
_DIGEST_LINES = 5
_HAN = re.compile(r"[\u4e00-\u9fff]")


def digest_words(request: SeenRequest) -> str:
    """Return a digest of the messages that a request shows, with citations; "" if it asks for none."""
    said = _said(request)
    material = next((one for one in reversed(said) if one.startswith("<messages>")), "")
    lines = [(number, name.split(" (")[0], words) for number, name, words in _LINE.findall(material)]
    if not lines:
        return ""
    rules = " ".join(text_of(one.get("content")) for one in request.history if one.get("role") == "system")
    chinese = "whose tag is zh" in rules or (said[-1] != material and bool(_HAN.search(said[-1])))
    longest = sorted(lines, key=lambda line: len(line[2]), reverse=True)[:_DIGEST_LINES]
    shown = [line for line in lines if line in longest]
    asks = [line for line in lines if _ASKS.search(line[2]) and line[2].rstrip()[-1:] in "?？"]
    title, open_ = ("**要点**", "**还没定的**") if chinese else ("**The main points**", "**Open questions**")
    parts = [title, *(f"- **{name}**: {_short(words)} [#{number}]" for number, name, words in shown)]
    if asks:
        parts += ["", open_, *(f"- {name}: {_short(words)} [#{number}]" for number, name, words in asks[-2:])]
    return "\n".join(parts)


def team_words(request: SeenRequest) -> str:
    """Return a summary, a draft or a judgement where one is asked for; "" where a person asks."""
    first = text_of(request.history[0].get("content")) if request.history else ""
    said = _said(request)
    last = said[-1] if said else ""
    if first.endswith(_JUDGE):
        return "yes" if _ASKS.search(last) else "no"
    if not first.startswith(_TEAM):
        return ""
    chinese = bool(re.search(r"[\u4e00-\u9fff]", last))
    wish = _wish(last)
    if "summary" in first or "at most two sentences" in first:
        if chinese:
            return f"客户想知道:“{wish}”。机器人已按店里的资料回答,客户希望由真人处理。"
        return f"The customer asks: “{wish}” The bot answered from the team's texts; now a person is wanted."
    if chinese:
        return f"您好,让您久等了!关于“{wish}”,我来为您查一下,[时间] 前给您答复。"
    return f"Hello, and thank you for waiting. About “{wish}”: I look into it and answer by [time]."


def from_passages(request: SeenRequest) -> str:
    """Return the best passage with its number, as an answer that cites; "" where none was shown."""
    for message in reversed(request.history):
        if message.get("role") == "system" and (found := _PASSAGE.search(text_of(message.get("content")))):
            number, text = found[1], found[2].strip()
            text = text if len(text) <= _QUOTED_CHARS else f"{text[: _QUOTED_CHARS - 1]}…"
            return f"{text} [{number}]"
        if message.get("role") == "assistant":
            return ""
    return ""


def _said(request: SeenRequest) -> Sequence[str]:
    return [text_of(one.get("content")) for one in request.history if one.get("role") == "user"]


def _wish(told: str) -> str:
    """Return the longest thing that somebody said in a conversation that is told line by line."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    people = [
        line for line in lines if not line.casefold().startswith(("bot", "kimi", "moonthread", "机器人"))
    ]
    asked = [line for line in people if _ASKS.search(line)] or people or lines
    return _short(re.sub(r"^[^:：]{1,60}[:：]\s*", "", asked[-1]) if asked else "")


def _short(line: str) -> str:
    return line if len(line) <= _SHORT_CHARS else f"{line[: _SHORT_CHARS - 1]}…"
