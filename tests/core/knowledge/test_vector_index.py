"""Which texts of a passage get a vector, and how vectors are stored."""

import numpy
import pytest

from core.domain.stored_passage import StoredPassage
from core.knowledge.vector_index import VectorIndex, decode_vectors, encode_vectors, split_aliases, texts_of


def passage(label: str, text: str, aliases: str = "") -> StoredPassage:
    """Make a stored passage."""
    return StoredPassage(uid="1", label=label, heading="", text=text, url="", aliases=aliases)


def test_headings_text_and_each_other_wording_get_a_vector() -> None:
    """The document's title tells nothing about a passage, because all share it."""
    texts = texts_of(
        [
            passage("Shop › Returns", "Within a week.", "Money back?\nCan I send it back"),
            passage("Shop", "Welcome."),
            passage("Orders", "Cancel it."),
        ],
        title="Shop",
    )
    assert [(one.passage, one.text) for one in texts] == [
        (0, "Returns"),
        (0, "Returns\nWithin a week."),
        (0, "Money back?"),
        (0, "Can I send it back"),
        (1, "Welcome."),
        (2, "Orders"),
        (2, "Orders\nCancel it."),
    ]


@pytest.mark.parametrize(
    ("aliases", "sentences"),
    [
        ("one\ntwo", ["one", "two"]),
        ("How much? Where is it? lost", ["How much?", "Where is it?", "lost"]),
        ("怎么退款？钱呢。还没到", ["怎么退款？", "钱呢。", "还没到"]),
        ("It came. It broke.", ["It came.", "It broke."]),
        ("version 2.5 of it", ["version 2.5 of it"]),
        ("\n\n", []),
        ("money back, reimburse", ["money back, reimburse"]),
    ],
)
def test_other_wordings_are_sentences(aliases: str, sentences: list[str]) -> None:
    """We chose one a line; several in a line are told apart by their marks."""
    assert list(split_aliases(aliases)) == sentences


def test_a_passage_is_as_near_as_its_nearest_text() -> None:
    """A question means one of a passage's texts, not their mean."""
    matrix = numpy.array([[1, 0], [0, 1], [0.6, 0.8]], numpy.float32)
    index = VectorIndex([0, 0, 1], matrix)
    assert index.passage_count == 2
    assert numpy.allclose(index.cosines(numpy.array([0, 1], numpy.float32)), [1.0, 0.8])


def test_vectors_are_stored_in_half_precision() -> None:
    """What is read is what was stored, to three digits."""
    matrix = numpy.random.default_rng(1).normal(size=(3, 8)).astype(numpy.float32)
    stored = encode_vectors(matrix)
    assert len(stored) == 3 * 8 * 2
    assert numpy.allclose(decode_vectors(stored, 3), matrix, atol=1e-2)
    with pytest.raises(ValueError, match="reshape"):
        decode_vectors(stored[:-2], 3)
