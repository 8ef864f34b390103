"""Which questions get a canned response."""

import pytest

from core.knowledge.canned_responses import add_label, find_canned_response, strip_label
from core.store.canned import CannedResponse
from core.text.language import Language

READY = [
    CannedResponse(id=1, question="How long does express shipping to Japan take?", answer="Ten days."),
    CannedResponse(id=2, question="可以货到付款吗？", answer="不可以。"),
    CannedResponse(id=3, question="Returns", answer="Seven days."),
]


@pytest.mark.parametrize(
    ("question", "id_"),
    [
        ("how long does express shipping to japan take", 1),
        ("Hi! How long does the express shipping to Japan take please?", 1),
        ("可以货到付款吗", 2),
        ("returns?", 3),
    ],
)
def test_the_same_question_gets_it(question: str, id_: int) -> None:
    """Case, punctuation and words that tell nothing make no difference."""
    found = find_canned_response(question, READY)
    assert found is not None
    assert found.id == id_


@pytest.mark.parametrize(
    "question",
    [
        "How long does express shipping to Norway take?",
        "Why does express shipping to Japan take long?",
        "How long does express shipping to Japan not take?",
        "How do returns work?",
        "不可以货到付款吗",
        "",
        "??",
    ],
)
def test_another_question_does_not(question: str) -> None:
    """Another place, another question word or a "not" is another question."""
    assert find_canned_response(question, READY) is None


def test_the_newest_response_wins() -> None:
    """Whoever corrects an answer adds a newer one; we chose that it replaces the older one at once."""
    newer = CannedResponse(id=9, question="returns", answer="Fourteen days.")
    found = find_canned_response("Returns?", [*READY, newer])
    assert found is newer


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_label_can_be_taken_off_again(language: Language) -> None:
    """People see that a person wrote the answer; a copy that is saved again has no second label."""
    labelled = add_label("Ten days.", language)
    assert labelled != "Ten days."
    assert strip_label(labelled) == "Ten days."
