"""Relevance, floors and the choice of candidates; ``lexical_query`` and ``features`` are tested here too."""

import random

import pytest

from core.knowledge import ranking
from core.knowledge.features import count_features, weigh_grams
from core.knowledge.lexical_query import parse_lexical_query
from core.knowledge.ranking import PassageRanker
from core.knowledge.segment import PassageText, Segment, build_segment, decode_segment, encode_segment

TEXTS = (
    "Unopened tea goes back within seven days for a refund.",
    "We open at ten; the shop is closed on Mondays.",
    "Parcels reach Japan in ten days.",
)


def segment_of(*texts: str) -> Segment:
    """Return the index of passages without headings."""
    return build_segment(PassageText(headings="", text=text) for text in texts)


def ranked(question: str, *texts: str, floor: float = 0.0) -> list[int]:
    """Return the positions of the found passages, best first."""
    ranker = PassageRanker([segment_of(*texts)])
    return [one.passage for one in ranker.rank(parse_lexical_query(question), limit=9, floors=[floor])]


def relevance(question: str, *texts: str) -> float:
    """Return the best relevance of some passages; 0 if none is found."""
    found = PassageRanker([segment_of(*texts)]).rank(parse_lexical_query(question), limit=1)
    return found[0].relevance if found else 0.0


def test_a_rare_word_outweighs_a_common_one() -> None:
    """The passage with the rare word is the best."""
    common = [f"tea number {number}" for number in range(20)]
    assert ranked("tea refund", *common, "the refund")[0] == 20


def test_relevance_is_about_one_for_everything_and_zero_for_nothing() -> None:
    """Relevances of different questions can be compared with one floor."""
    assert relevance("unopened tea refund", *TEXTS) > 0.8
    assert 0.2 < relevance("tea refund football score", *TEXTS) < 0.8
    assert relevance("xyzzy", *TEXTS) == 0.0


def test_unknown_words_lower_the_relevance() -> None:
    """A question about something else is rejected by a floor although it shares a word with a passage."""
    assert relevance("refund", *TEXTS) > 2 * relevance("refund football score goal", *TEXTS)


def test_the_own_word_counts_more_than_a_synonym() -> None:
    """A passage in the question's own words comes before one that says it otherwise."""
    assert ranked("refund", "a reimbursement", "a refund")[0] == 1


def test_a_long_text_covers_a_short_question_less() -> None:
    """The same words weigh less in a passage that says much else."""
    long = "refund " + " ".join(f"word{number}" for number in range(400))
    assert ranked("refund", long, "the refund")[0] == 1


def test_equal_passages_keep_their_order() -> None:
    """Ties are in the order of the documents and their passages, on both databases."""
    assert ranked("refund", "a refund", "a refund", "a refund") == [0, 1, 2]


def test_nothing_is_found_without_words_or_passages() -> None:
    """An empty question and an empty scope have no result."""
    assert ranked("", *TEXTS) == []
    assert PassageRanker([]).rank(parse_lexical_query("refund"), limit=5) == []
    assert PassageRanker([segment_of()]).rank(parse_lexical_query("refund"), limit=5) == []


def test_each_segment_has_its_own_floor() -> None:
    """Passages of several sets are ranked together, each above the floor of its set."""
    ranker = PassageRanker([segment_of("a refund"), segment_of("the refund")])
    found = ranker.rank(parse_lexical_query("refund"), limit=5, floors=[0.0, 9.0])
    assert [one.segment for one in found] == [0]


def test_candidates_of_a_large_scope_hold_the_best_passages(monkeypatch: pytest.MonkeyPatch) -> None:
    """The best passages of two steps are those of scoring every passage."""
    chance = random.Random(7)  # noqa: S311 - no secret hangs on it
    texts = [
        " ".join(f"word{chance.randrange(300)}" for _ in range(30)) + f" {TEXTS[number % 3]} {number}"
        for number in range(600)
    ]
    ranker = PassageRanker([segment_of(*texts[:400]), segment_of(*texts[400:])])
    queries = list(
        map(parse_lexical_query, ["refund 17", "tea word3 word250", "word8 word9 word10 refund", "japan"])
    )
    by_steps = [ranker.rank(query, limit=3) for query in queries]
    monkeypatch.setattr(ranking, "MAX_CANDIDATES", 10_000)
    whole = [ranker.rank(query, limit=3) for query in queries]
    for ours, best in zip(by_steps, whole, strict=True):
        assert [(one.segment, one.passage) for one in ours] == [(one.segment, one.passage) for one in best]
        assert [one.relevance for one in ours] == pytest.approx([one.relevance for one in best])


def test_a_question_is_its_words_without_repetitions() -> None:
    """Repeated words count once; stopwords stay, with little weight."""
    words = parse_lexical_query("refund? Can I have a refund for tea").words
    assert [word.term for word in words if not word.is_stopword] == ["refund", "tea"]
    assert all(word.weight < 0.5 for word in words if word.is_stopword)


def test_chinese_words_match_by_their_characters_too() -> None:
    """退钱 and 退款 share a character, and a passage with either is found by the other."""
    (word,) = parse_lexical_query("退款").words
    terms = {term for variant in word.variants for term in variant.terms}
    assert {"退款", "退", "款", "退钱"} <= terms
    assert ranked("怎么退钱", "退款要七天", "今天下雨") == [0]


def test_phrases_add_a_term_and_keep_their_words() -> None:
    """A phrase such as 多少钱 also asks for a price, and its words stay."""
    words = {word.term for word in parse_lexical_query("多少钱").words}
    assert "价格" in words
    assert len(words) > 1
    assert "price" in count_features("How much is it?").words


def test_n_grams_of_stopwords_weigh_less() -> None:
    """A word that every question has says little, and so do its parts."""
    weights = weigh_grams("the tea", stopword_weight=0.5)
    assert weights[" th"] == 0.5
    assert weights["tea"] == 1.0


def test_a_stored_index_is_read_back_alike() -> None:
    """Encoding keeps every posting, and damaged or foreign bytes are refused."""
    built = segment_of(*TEXTS, "退款要七天")
    stored = encode_segment(built)
    read = decode_segment(stored)
    for question in ("tea refund", "退钱", "opening on mondays"):
        query = parse_lexical_query(question)
        assert PassageRanker([read]).rank(query, limit=9) == PassageRanker([built]).rank(query, limit=9)
    for damaged in (b"", b"MTKS", b"XXXX" + stored[4:], stored[:4] + b"\x09\x00" + stored[6:]):
        with pytest.raises(ValueError, match="segment"):
            decode_segment(damaged)
