"""Patterns of card numbers, e-mail addresses and telephone numbers. Pure."""

import re
from enum import StrEnum
from typing import Final


class PiiKind(StrEnum):
    """Kinds of personal data that a pattern recognizes."""

    CARDS = "cards"
    EMAILS = "emails"
    PHONES = "phones"

    @property
    def placeholder(self) -> str:
        """The name in its placeholders, such as "CARD" in ``[CARD-1]``."""
        return self.value.removesuffix("s").upper()


#: 13 to 19 digits, in groups or in one row (ISO/IEC 7812).
CARD: Final = re.compile(r"(?<!\d)(?<!\d[ -])\d(?:[ -]?\d){12,18}(?![ -]?\d)")

#: ASCII only, because Chinese text may surround an address without a blank.
EMAIL: Final = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}"
)

#: A cheap test: every address matches it.
EMAIL_AT: Final = re.compile(r"(?<=[A-Za-z0-9._%+-])@[A-Za-z0-9-]")

#: A cheap test: every card and telephone number matches it.
MANY_DIGITS: Final = re.compile(r"\d(?:[ .()/-]{0,2}\d){6}")

_PHONES = (
    r"\+\d{1,3}(?:[ .()/-]{0,2}\d){6,13}",  # with a country code
    r"1[3-9]\d[ -]?\d{4}[ -]?\d{4}",  # a mobile number in China
    r"(?<!\d )\(?0\d{1,4}\)?(?:[ ./-]?\d){6,9}(?! ?\d)",  # with a trunk prefix: Europe, fixed lines in China
    r"\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[.-]\d{3}[.-]\d{4}",  # in North America
)
PHONE: Final = re.compile(rf"(?<![\w.+-])(?:{'|'.join(_PHONES)})(?![\d-])", re.ASCII)


def is_card_number(text: str) -> bool:
    """Return whether digits, with or without blanks and hyphens, pass the Luhn check of card numbers."""
    digits = [int(char) for char in text if char.isdigit()]
    if digits[0] not in range(2, 7) or len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(doubled) + sum(digits[-1::-2])) % 10 == 0
