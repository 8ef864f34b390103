"""Which digits and addresses count as personal data."""

import pytest

from core.redaction.patterns import CARD, EMAIL, MANY_DIGITS, PHONE, PiiKind, is_card_number


@pytest.mark.parametrize(
    ("digits", "is_card"),
    [
        ("4111 1111 1111 1111", True),  # Visa's test number
        ("5555-5555-5555-4444", True),  # Mastercard's
        ("378282246310005", True),  # American Express's
        ("6222020000000000", False),
        ("4111 1111 1111 1112", False),
        ("0000 0000 0000 0000", False),  # passes Luhn's check and is no card
        ("9111 1111 1111 1111", False),  # no network begins with 9
    ],
)
def test_a_card_number_passes_luhn_and_begins_as_cards_do(digits: str, is_card: bool) -> None:
    """ISO/IEC 7812 gives cards a check digit; order numbers hardly ever pass it."""
    assert is_card_number(digits) is is_card


@pytest.mark.parametrize("kind", PiiKind)
def test_a_placeholder_is_named_in_the_singular(kind: PiiKind) -> None:
    """Settings list kinds in the plural; one placeholder is one of them."""
    assert kind.placeholder == kind.value.upper()[:-1]


@pytest.mark.parametrize(
    "text", ["4111 1111 1111 1111", "+86 138 0013 8000", "(212) 555-0100", "020-7946-0958"]
)
def test_the_cheap_test_misses_no_number(text: str) -> None:
    """Lines that it rejects are not looked at again, so it must accept every card and telephone number."""
    assert CARD.search(text) or PHONE.search(text)
    assert MANY_DIGITS.search(text)


def test_an_address_is_found_within_chinese_text() -> None:
    """Chinese has no blanks around an address, and its characters are no part of one."""
    found = EMAIL.search("请发到ann@example.com谢谢")
    assert found is not None
    assert found[0] == "ann@example.com"
