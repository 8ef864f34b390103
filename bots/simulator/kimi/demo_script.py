"""The demo's script: says that it is one, speaks the asker's language, and shows what it was sent.

Pure and the same for the same messages, so that a stream that was cut can be continued.
"""

import re
import zlib
from collections.abc import Sequence

from bots.simulator.kimi.demo_service import digest_words, from_passages, team_words
from bots.simulator.kimi.demo_texts import CHINESE, ENGLISH, Words, moon_month
from bots.simulator.kimi.demo_tools import reservation
from bots.simulator.kimi.messages import text_of
from bots.simulator.kimi.script import Faults, ScriptedReply, SeenRequest

_HAN = re.compile(r"[\u4e00-\u9fff]")
_NAME = re.compile(
    r"(?:[Mm]y name is|[Cc]all me|I am called)\s+(?P<en>[\w'-]+)"
    r"|\bI(?:'m| am)\s+(?P<short>[A-Z][\w'-]+)"
    r"|我(?:的名字)?(?:叫|是)(?!什么|谁|不是)(?P<zh>[\w·]{1,12})"
)
_ASKS_NAME = re.compile(r"what(?:'s| is) my name|who am i|我(?:的名字)?(?:叫|是)(?:什么|谁)|我的名字", re.I)
_ASKS_FIRST = re.compile(
    r"\bfirst\b.*\b(say|said|ask|asked|message|question)|\b(say|said|ask|asked)\b.*\bfirst\b|第一", re.I
)
_ASKS_BEFORE = re.compile(
    r"\b(did|have) i (just )?(say|said|ask|asked|write|written)|刚才|刚刚|之前|上一", re.I
)
_ASKS_COUNT = re.compile(r"how many (turns|messages|questions)|几(轮|条|句|个问题)|多少(轮|条|句)", re.I)
_CODE = re.compile(r"\bcode\b|\bfunction\b|\bpython\b|代码|函数", re.I)
_TABLE = re.compile(r"\btable\b|表格", re.I)
_LIST = re.compile(r"\blist\b|\bsteps\b|列表|步骤", re.I)
_LONG = re.compile(r"\blong\b|\bdetailed?\b|长|详细", re.I)
_BREAK = re.compile(r"\bbreak\b|断线", re.I)
_SENT = re.compile(r"\[attached: ([^\]]+)\]")
_QUOTED_CHARS = 200


def demo_script(request: SeenRequest) -> ScriptedReply:
    """Return the stand-in's answer to the last question of ``request``."""
    if told := team_words(request) or digest_words(request):
        return ScriptedReply(told)
    said = [text_of(message.get("content")) for message in request.history if message.get("role") == "user"]
    question, earlier = (said[-1], said[:-1]) if said else ("", [])
    chinese = bool(_HAN.search(question))
    if step := reservation(request, chinese=chinese):
        return step
    words = CHINESE if chinese else ENGLISH
    turns = _turns(len(earlier), chinese=chinese)
    opening = words.again.format(turns=turns) if earlier else words.who
    seed = zlib.crc32(question.encode())
    names = ", ".join(_SENT.findall(question))
    sent = f"\n\n{words.files.format(names=names)}" if names else ""
    known = from_passages(request)
    text = f"{opening}{sent}\n\n{_answer(question, earlier, words, seed, known)}"
    breaks = _BREAK.search(question) and request.prefix is None
    return ScriptedReply(
        text,
        reasoning=words.thinking.format(question=_short(question), turns=turns),
        chunks_per_s=40.0 if _LONG.search(question) else 8.0 + seed % 33,
        first_after_s=0.3 + seed % 7 / 10,
        faults=Faults(cut_after_chars=len(text) * 2 // 3) if breaks else Faults(),
    )


def _answer(question: str, earlier: Sequence[str], words: Words, seed: int, known: str) -> str:
    remembered = _remembered(question, earlier, words)
    if remembered:
        return remembered
    shown = {_BREAK: words.breaking, _CODE: words.code, _TABLE: words.table, _LIST: words.items}
    parts = [text for pattern, text in shown.items() if pattern.search(question)]
    if _LONG.search(question):
        parts.append(moon_month(chinese=words is CHINESE))
    if parts:
        return "\n\n".join(parts)
    if known:
        return known
    asides = words.asides[: seed % (len(words.asides) + 1)]
    return "\n\n".join([words.quote.format(question=_short(question)), *asides, words.offer])


def _remembered(question: str, earlier: Sequence[str], words: Words) -> str:
    """Return the answer to a question about the thread itself; "" where it is none."""
    if _ASKS_NAME.search(question):
        name = _name_in(earlier)
        return words.name.format(name=name) if name else words.no_name
    if _ASKS_COUNT.search(question):
        return words.count.format(turns=_turns(len(earlier), chinese=words is CHINESE))
    for pattern, text, index in ((_ASKS_FIRST, words.first, 0), (_ASKS_BEFORE, words.before, -1)):
        if pattern.search(question):
            return text.format(text=_short(earlier[index])) if earlier else words.nothing
    return ""


def _name_in(earlier: Sequence[str]) -> str:
    """Return the name that the asker gave last; "" where none was given."""
    for text in reversed(earlier):
        found = _NAME.search(text)
        if found:
            return next(name for name in found.groups() if name)
    return ""


def _turns(count: int, *, chinese: bool) -> str:
    if chinese:
        return f"{count} 条消息"
    return "1 message" if count == 1 else f"{count} messages"


def _short(text: str) -> str:
    """Return ``text`` in one line of bounded length."""
    line = " ".join(text.split())
    return line if len(line) <= _QUOTED_CHARS else line[: _QUOTED_CHARS - 1] + "…"
