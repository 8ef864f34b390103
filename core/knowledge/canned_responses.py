"""Matching of questions with a chat's canned responses. Pure.

Precision comes first, because nobody checks the answer: a question matches if it is the same but for
case and punctuation, or if it has almost the same terms, the same question words and the same negation.
"""

import re
from collections.abc import Mapping, Sequence

from core.knowledge.tokenizer import normalize, tokenize
from core.store.canned import CannedResponse
from core.text.language import Language

LABELS: Mapping[Language, str] = {"zh": "团队整理的常用答案", "en": "A ready answer from the team"}

MIN_SIMILARITY = 0.9  #: Dice's coefficient of two questions' terms
MIN_TERMS = 3  #: terms that a question needs to match without being the same
_QUESTION_WORDS = re.compile(
    r"\b(?:how|when|where|why|what|who|which|not|no|never|without|\w+n't)\b"
    "|不|没|别|无|怎么|如何|什么时候|几时|何时|多久|哪|为什么|为啥|什么|啥|谁|多少|几"
)


def find_canned_response(question: str, responses: Sequence[CannedResponse]) -> CannedResponse | None:
    """Return the newest response that matches a question; ``responses`` are oldest first."""
    normalized = normalize(question)
    if not normalized:
        return None
    newest_first = list(reversed(responses))
    exact = next((one for one in newest_first if normalize(one.question) == normalized), None)
    return exact or next((one for one in newest_first if _is_similar(question, one.question)), None)


def add_label(answer: str, language: Language) -> str:
    """Return a canned response with the label that distinguishes it from Kimi's answers."""
    return f"{answer}\n\n*{LABELS[language]}*"


def strip_label(answer: str) -> str:
    """Return an answer without the label of :func:`add_label`."""
    for label in LABELS.values():
        answer = answer.removesuffix(f"*{label}*").rstrip()
    return answer


def _is_similar(question: str, other: str) -> bool:
    ours, theirs = set(tokenize(question)), set(tokenize(other))
    if min(len(ours), len(theirs)) < MIN_TERMS or _question_words(question) != _question_words(other):
        return False
    if {term for term in ours ^ theirs if not term.isalpha()}:
        return False  # different numbers make different questions
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) >= MIN_SIMILARITY


def _question_words(text: str) -> frozenset[str]:
    return frozenset(found[0] for found in _QUESTION_WORDS.finditer(text.casefold().replace("’", "'")))
