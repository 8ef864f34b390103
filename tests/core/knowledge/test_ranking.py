"""Scores, coverage and the choice of candidates."""

import pytest

from core.knowledge.ranking import (
    CorpusStatistics,
    QueryTerm,
    parse_query_terms,
    rank,
    rarest_terms,
)

CORPUS = CorpusStatistics(
    passage_count=100, mean_length=10.0, document_frequencies={"tea": 40, "refund": 2, "parcel": 5}
)


def terms(*words: str) -> list[QueryTerm]:
    """Return query terms without synonyms, all of the same weight."""
    return [QueryTerm(term=word, weight=1.0, synonyms=frozenset()) for word in words]


def test_a_rare_word_outweighs_a_common_one() -> None:
    """The passage with the rare word covers most of the question, the one with the common word little."""
    best, other = rank(terms("tea", "refund"), [("tea", 10), ("refund", 10)], CORPUS, min_coverage=0.0)
    assert (best.index, other.index) == (1, 0)
    assert best.coverage > 0.7 > 0.3 > other.coverage


def test_a_word_that_no_passage_has_lowers_the_coverage() -> None:
    """A question about something else is rejected although it shares a word with a passage."""
    (known,) = rank(terms("refund"), [("refund", 10)], CORPUS)
    assert known.coverage == pytest.approx(1.0)
    assert rank(terms("refund", "football", "score", "goal"), [("refund", 10)], CORPUS) == []


def test_a_synonym_counts_less_than_the_word() -> None:
    """A passage in the question's own words comes before one that says it otherwise."""
    term = QueryTerm(term="refund", weight=1.0, synonyms=frozenset({"parcel"}))
    first, second = rank([term], [("parcel", 10), ("refund", 10)], CORPUS, min_coverage=0.0)
    assert (first.index, second.index) == (1, 0)
    assert second.coverage < 1.0


def test_equal_passages_keep_their_order() -> None:
    """Both databases return candidates in one order, so results are the same on both."""
    ranked = rank(terms("refund"), [("refund", 10), ("refund", 10)], CORPUS)
    assert [one.index for one in ranked] == [0, 1]


def test_nothing_is_found_without_terms_or_passages() -> None:
    """An empty question and an empty set have no result."""
    empty = CorpusStatistics(passage_count=0, mean_length=0.0)
    assert rank([], [("refund", 10)], CORPUS) == []
    assert rank(terms("refund"), [("refund", 10)], empty) == []


def test_candidates_are_chosen_by_the_rarest_terms() -> None:
    """Of a long list the rare words find the candidates; one term is used however common it is."""
    query = terms("tea", "parcel", "refund", "football")
    assert rarest_terms(query, CORPUS, max_passages=10) == ["refund", "parcel"]
    assert rarest_terms(query, CORPUS, max_passages=1) == ["refund"]
    assert rarest_terms(terms("football"), CORPUS, max_passages=10) == []


def test_a_question_is_its_words_without_stopwords_and_repetitions() -> None:
    """Repeated words count once; words that every question has are left out."""
    assert [one.term for one in parse_query_terms("refund? Can I have a refund for tea")] == ["refund", "tea"]
    assert parse_query_terms("what is this about?") == []


def test_chinese_words_match_by_their_characters_too() -> None:
    """退钱 and 退款 share a character, and a passage with either is found by the other."""
    (term,) = parse_query_terms("退款")
    assert {"退款", "退", "款", "退钱"} <= term.variants
