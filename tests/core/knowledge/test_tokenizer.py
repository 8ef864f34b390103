"""What a text is found by."""

import pytest

from core.knowledge.features import count_features
from core.knowledge.tokenizer import characters_of, normalize, stem, subwords_of, tokenize


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cancelling", "cancel"),
        ("refunded", "refunds"),
        ("companies", "company"),
        ("shipping", "ship"),
        ("Invoices", "invoice"),
        ("logged in", "sign in"),
        ("e-mails", "email"),
    ],
)
def test_forms_of_a_word_are_one_term(one: str, other: str) -> None:
    """Endings, case and the usual spellings make no difference."""
    assert tokenize(one) == tokenize(other)


def test_chinese_is_cut_into_words() -> None:
    """A dictionary cuts Chinese; words that tell nothing are left out; single characters pair up."""
    assert tokenize("请问发票可以补开吗？") == ["发票", "补开"]
    assert tokenize("生普和熟普") == ["生普", "熟普"]


def test_parts_of_chinese_words_are_kept() -> None:
    """A stored text is also found by the parts and characters of its words."""
    assert {"电热", "热水", "退", "款"} <= set(count_features("电热水壶退款").words)
    assert characters_of("refund") == subwords_of("refund") == ()


def test_numbers_are_the_same_in_words() -> None:
    """A number in words and one in digits are found by each other."""
    assert tokenize("fourteen days") == tokenize("14 days")


def test_same_is_blind_for_case_blanks_and_punctuation() -> None:
    """Two spellings of one question are the same, two questions are not."""
    assert normalize("Do you ship to Japan?") == normalize("do you  ship to JAPAN!!")
    assert normalize("能退吗？") != normalize("不能退吗？")


def test_short_words_keep_their_form() -> None:
    """A stem needs more than three letters."""
    assert stem("ok") == "ok"


@pytest.mark.parametrize(
    "forms",
    ["order orders ordered ordering", "cancel cancels cancelled cancellation", "process processes processed"],
)
def test_all_forms_of_a_verb_meet(forms: str) -> None:
    """A word's forms have one stem, also where it ends like an ending."""
    assert len({stem(word) for word in forms.split()}) == 1
