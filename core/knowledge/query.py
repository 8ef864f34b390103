"""Search query of a turn: the question's words, and the same person's question before it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from core.domain.message_content import MessageRole
from core.knowledge.tokenizer import tokenize
from core.store.history import HistoryMessage

MAX_QUERY_CHARS: Final = 2_000  #: of a message that is searched for; the rest, such as a pasted log, is not
MAX_SMALL_TALK_CHARS: Final = 200  #: a longer message is no greeting
_SMALL_TALK = """
hello hi hey lot much morning afternoon evening night thank thanks thx ty cheers bye goodbye ciao ok okay
cool great nice perfect welcome sorry lol haha yo anyone anybody bot robot human ai kimi name
早 早安 早上好 上午好 中午好 下午好 晚上好 晚安 你好 您好 嗨 哈喽 哈罗 在 在吗 在不在 有人吗 谢谢 谢了 多谢
感谢 谢谢你 辛苦 辛苦了 好的 好吧 嗯嗯 收到 明白 知道了 懂了 再见 拜拜 哈哈 哈哈哈 不客气 客气 没事 没事了
不用了 机器人 名字 谁 你是谁 厉害 真棒 可爱 早上 下午 晚上 呵呵 嘿 嘿嘿
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeQuery:
    """One question to search for."""

    text: str  #: the words of all messages that the turn answers
    previous: str = ""  #: the same person's message before them; "" if there is none


def parse_query(lines: Sequence[HistoryMessage], *, question_seq: int) -> KnowledgeQuery:
    """Return the query of the messages from ``question_seq`` on; ``lines`` are oldest first."""
    said = [line for line in lines if line.role is MessageRole.USER]
    now = [line for line in said if line.seq >= question_seq]
    authors = {line.author_id for line in now}
    earlier = [line for line in said if line.seq < question_seq and line.author_id in authors]
    return KnowledgeQuery(
        text="\n".join(line.text.strip() for line in now).strip()[:MAX_QUERY_CHARS],
        previous=earlier[-1].text.strip()[:MAX_QUERY_CHARS] if earlier else "",
    )


def is_small_talk(question: str) -> bool:
    """Return whether a question is a greeting, thanks, or has no term to search for."""
    is_short = len(question) <= MAX_SMALL_TALK_CHARS
    return is_short and all(term in _small_talk_terms() for term in tokenize(question))


@cache
def _small_talk_terms() -> frozenset[str]:
    return frozenset(term for word in _SMALL_TALK.split() for term in tokenize(word))
