"""Whether a question is one that has a ready answer. Pure.

The bar is high, for nobody checks the answer: the same words but for case and punctuation, or nearly
the same words that tell something, with the same question word and the same negation.
"""

import re
from collections.abc import Mapping, Sequence

from core.knowledge.tokenizer import normalize, tokenize
from core.store.canned import CannedResponse
from core.text.language import Language

OUTCOME_UNKNOWN = "unknown"  #: the outcome of a question that a strict chat could not answer
OUTCOME_CANNED = "canned"  #: the outcome of a question that got a ready answer
LABELS: Mapping[Language, str] = {"zh": "团队整理的常用答案", "en": "A ready answer from the team"}

MIN_SIMILARITY = 0.9  #: Dice's coefficient of the words that tell something
MIN_TERMS = 3  #: of a question that need not be the very same
_QUESTION_WORDS = re.compile(
    r"\b(?:how|when|where|why|what|who|which|not|no|never|without|\w+n't)\b"
    "|不|没|别|无|怎么|如何|什么时候|几时|何时|多久|哪|为什么|为啥|什么|啥|谁|多少|几"
)


def find_canned_response(question: str, responses: Sequence[CannedResponse]) -> CannedResponse | None:
    """Return the ready answer to a question, the newest where several fit; None where none does."""
    wanted = normalize(question)
    if not wanted:
        return None
    newest_first = list(reversed(responses))
    exact = next((one for one in newest_first if normalize(one.question) == wanted), None)
    return exact or next((one for one in newest_first if _is_similar(question, one.question)), None)


def add_label(answer: str, language: Language) -> str:
    """Return a ready answer with what tells it from one that Kimi wrote."""
    return f"{answer}\n\n*{LABELS[language]}*"


def strip_label(answer: str) -> str:
    """Return an answer without that."""
    for mark in LABELS.values():
        answer = answer.removesuffix(f"*{mark}*").rstrip()
    return answer


def _is_similar(question: str, other: str) -> bool:
    ours, theirs = set(tokenize(question)), set(tokenize(other))
    if min(len(ours), len(theirs)) < MIN_TERMS or _question_words(question) != _question_words(other):
        return False
    if {term for term in ours ^ theirs if not term.isalpha()}:
        return False  # another number is another question
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) >= MIN_SIMILARITY


def _question_words(text: str) -> frozenset[str]:
    return frozenset(found[0] for found in _QUESTION_WORDS.finditer(text.casefold().replace("’", "'")))
