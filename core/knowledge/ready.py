"""Whether a question is one that has a ready answer. Pure.

The bar is high, for nobody checks the answer: the same words but for case and punctuation, or nearly
the same words that tell something, with the same question word and the same negation.
"""

import re
from collections.abc import Mapping, Sequence

from core.knowledge.words import same, terms_of
from core.store.canned import Canned
from core.text.language import Language

UNKNOWN = "unknown"  #: the outcome of a question that a strict chat could not answer
CANNED = "canned"  #: the outcome of a question that got a ready answer
MARKS: Mapping[Language, str] = {"zh": "团队整理的常用答案", "en": "A ready answer from the team"}

BAR = 0.9  #: Dice's coefficient of the words that tell something
LEAST_WORDS = 3  #: of a question that need not be the very same
_FRAME = re.compile(
    r"\b(?:how|when|where|why|what|who|which|not|no|never|without|\w+n't)\b"
    "|不|没|别|无|怎么|如何|什么时候|几时|何时|多久|哪|为什么|为啥|什么|啥|谁|多少|几"
)


def ready_answer(question: str, ready: Sequence[Canned]) -> Canned | None:
    """Return the ready answer to a question, the newest where several fit; None where none does."""
    wanted = same(question)
    if not wanted:
        return None
    newest_first = list(reversed(ready))
    exact = next((one for one in newest_first if same(one.question) == wanted), None)
    return exact or next((one for one in newest_first if _alike(question, one.question)), None)


def marked(answer: str, language: Language) -> str:
    """Return a ready answer with what tells it from one that Kimi wrote."""
    return f"{answer}\n\n*{MARKS[language]}*"


def unmarked(answer: str) -> str:
    """Return an answer without that."""
    for mark in MARKS.values():
        answer = answer.removesuffix(f"*{mark}*").rstrip()
    return answer


def _alike(question: str, known: str) -> bool:
    ours, theirs = set(terms_of(question)), set(terms_of(known))
    if min(len(ours), len(theirs)) < LEAST_WORDS or _frame(question) != _frame(known):
        return False
    if {term for term in ours ^ theirs if not term.isalpha()}:
        return False  # another number is another question
    return 2 * len(ours & theirs) / (len(ours) + len(theirs)) >= BAR


def _frame(text: str) -> frozenset[str]:
    return frozenset(found[0] for found in _FRAME.finditer(text.casefold().replace("’", "'")))
